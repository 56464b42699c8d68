// Answers the names of hosts that the operator lists, and says of others to ask elsewhere (RFC 1035).

import log from "mk8s:addon/log@0.1.0";
import settings from "mk8s:addon/settings@0.1.0";

const HEAD = 12;
const LONGEST_LABEL = 63;
const A = 1;
const SECONDS = 60;

let known = null;

function hosts() {
  if (known) return known;
  known = new Map();
  const setting = settings.all().find((setting) => setting.name === "hosts");
  for (const host of setting ? JSON.parse(setting.value) : []) {
    const found = /^([^=]+)=(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
    const address = found ? found.slice(2).map(Number) : [256];
    if (address.every((part) => part < 256)) known.set(found[1].toLowerCase(), address);
    else log.write("error", `${JSON.stringify(host)} is left out: NAME=ADDRESS is needed`);
  }
  return known;
}

// The name, the type, and where the one question ends; null where it cannot be read.
function question(query) {
  // Neither a reply nor another operation, and one question.
  if (query.length < HEAD || query[2] & 0xf8 || query[4] !== 0 || query[5] !== 1) return null;
  const labels = [];
  let at = HEAD;
  while (at < query.length && query[at] !== 0) {
    const length = query[at];
    if (length > LONGEST_LABEL) return null;
    const letters = query.slice(at + 1, at + 1 + length);
    labels.push(String.fromCharCode(...letters).toLowerCase());
    at += 1 + length;
  }
  if (at + 5 > query.length) return null;
  return { name: labels.join("."), of: query[at + 1] * 256 + query[at + 2], end: at + 5 };
}

export const dns = {
  answer(query, client) {
    const asked = question(query);
    if (!asked) return { tag: "drop" };
    const address = hosts().get(asked.name);
    if (!address) return { tag: "forward", val: [] };
    const found = asked.of === A;
    const reply = [query[0], query[1], 0x84 | (query[2] & 1), 0, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0];
    reply.push(...query.slice(HEAD, asked.end));
    // The name is where the question has it; then type, class, seconds, and the length of the address.
    if (found) reply.push(0xc0, 0x0c, 0, A, 0, 1, 0, 0, 0, SECONDS, 0, 4, ...address);
    return { tag: "reply", val: Uint8Array.from(reply) };
  },
};
