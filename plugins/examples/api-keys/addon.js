// Knows programs by API keys: a bearer token is ID.SECRET, and credentials/api-keys.json lists
//
//   [{"id": "ci", "secret": "s3cret", "user": "ci-runner", "groups": ["deployers"], "disabled": false}]
//
// An entry that cannot be used is told in the log and left out; a file that is no JSON is refused as a whole, and the keys
// of before stay in force.

import log from "mk8s:addon/log@0.1.0";

let keys = new Map();

// UTF-8 as text; what is none becomes an error, as JSON wants it.
function text(bytes) {
  let escaped = "";
  for (const byte of bytes) escaped += "%" + byte.toString(16).padStart(2, "0");
  return decodeURIComponent(escaped);
}

// How many lists and objects lie within each other in the file of keys, and no more: JSON.parse goes a call deeper for
// each, and the stack ends before a file does.
const DEEPEST = 3;

function isDeep(json) {
  let depth = 0;
  let inText = false;
  for (let index = 0; index < json.length; index++) {
    const letter = json[index];
    if (inText && letter === "\\") index++;
    else if (letter === '"') inText = !inText;
    else if (!inText && "[{".includes(letter) && ++depth > DEEPEST) return true;
    else if (!inText && "]}".includes(letter)) depth--;
  }
  return false;
}

function isText(value) {
  return typeof value === "string" && value !== "";
}

// What is wrong with an entry, or nothing.
function fault(entry) {
  if (typeof entry !== "object" || entry === null) return "it is no object";
  for (const field of ["id", "secret", "user"]) if (!isText(entry[field])) return `it has no ${field}`;
  if (entry.id.includes(".")) return "its id has a dot";
  if (!(entry.groups ?? []).every?.(isText)) return "its groups are no list of texts";
  return null;
}

// Takes as long for a secret that begins right as for any other of its length.
function same(one, other) {
  let differences = one.length ^ other.length;
  for (let index = 0; index < one.length; index++) {
    differences |= one.charCodeAt(index) ^ other.charCodeAt(index % Math.max(other.length, 1));
  }
  return differences === 0;
}

export const files = {
  changed(files) {
    const file = files.find((file) => file.name === "keys");
    const known = new Map();
    if (file && file.content !== null) {
      let entries;
      try {
        const json = text(file.content);
        if (isDeep(json)) throw new Error("it is nested too deeply");
        entries = JSON.parse(json);
      } catch (why) {
        throw { tag: "invalid", val: `${file.path} is no JSON: ${why.message}` };
      }
      if (!Array.isArray(entries)) throw { tag: "invalid", val: `${file.path} is no list` };
      entries.forEach((entry, index) => {
        const why = fault(entry);
        if (why) log.write("error", `${file.path}: entry ${index + 1} is left out: ${why}`);
        else if (entry.disabled !== true) known.set(entry.id, entry);
      });
    }
    keys = known;
  },
};

export const authenticator = {
  authenticate(credentials) {
    const token = credentials.bearerToken ?? "";
    const dot = token.indexOf(".");
    const entry = dot > 0 ? keys.get(token.slice(0, dot)) : undefined;
    if (!entry || !same(entry.secret, token.slice(dot + 1))) return null;
    const user = { name: entry.user, uid: "", groups: entry.groups ?? [], extra: [["api-key", [entry.id]]] };
    return { user, extra: [] };
  },
};
