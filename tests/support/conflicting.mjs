// Two people with the browser client replace one word at one time; `node conflicting.mjs URL ADA BOB
// MODE CHOICE`, with their tokens. Prints what became of it as JSON.

import { connect } from "../../web/src/index.js";

const [url, adaToken, bobToken, mode, choice] = process.argv.slice(2);
const id = `from-javascript-${mode}-${choice}`;

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const told = { conflicts: [], merged: [], rejected: [] };
const clients = [connect(url, adaToken), connect(url, bobToken)];
const create = { session_id: id, content: "the brown fox", conflicts: mode };
await until(() => clients[0].state === "connected");
await clients[0].call("collab.session.create", create);
const people = await Promise.all(clients.map((client) => client.open(id)));
for (const session of people) {
  session.on("conflict", (conflict) => told.conflicts.push({ session, conflict }));
  session.on("merged", (conflicts) => told.merged.push(conflicts));
  session.on("rejected", ({ error, text }) => told.rejected.push([error.code, text]));
}
people[0].edit([10, "cat", { d: 3 }]);
people[1].edit([10, "dog", { d: 3 }]);
await until(() => told.merged.length || told.conflicts.length);
await Promise.all(people.map((session) => session.saved()));
const [{ session, conflict } = {}] = told.conflicts;
const held = people.map((person) => person.held.length);
let revision = null;
if (choice !== "none") revision = await session.resolve(conflict.conflict_id, choice);
const head = mode === "reject" || choice === "theirs" ? 1 : 2;
await until(() => people.every((person) => person.revision === head));
const answer = {
  contents: people.map((person) => person.content),
  lost: conflict?.text ?? null,
  states: told.conflicts.map(({ conflict: { state } }) => state),
  kinds: (told.merged[0] ?? conflict.conflicts).map(({ kind }) => kind),
  rejected: told.rejected,
  held,
  revision,
};
await Promise.all(people.map((person) => person.close()));
clients.forEach((client) => client.close());
console.log(JSON.stringify(answer));
