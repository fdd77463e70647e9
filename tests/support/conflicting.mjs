// Two people with the browser client edit one document at one time, so that their edits conflict:
// `node conflicting.mjs URL ADA BOB MODE CHOICE CASE`, with their tokens, and CASE [type, content,
// [Ada's operation, Bob's]] as JSON. Prints what became of it as JSON. With `offline` as one more
// argument Bob is offline while both edit, and comes back when Ada's edit is saved.

import { connect } from "../../web/src/index.js";

const [url, adaToken, bobToken, mode, choice, wanted, way] = process.argv.slice(2);
const [type, content, ops] = JSON.parse(wanted);
const id = `from-javascript-${type}-${mode}-${choice}-${way ?? "at-once"}`;

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const told = { conflicts: [], merged: [], rejected: [] };
const sockets = [];
class BobsWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
}
// Who waits for a token is offline.
let mayConnect = Promise.resolve();
const bobsToken = () => mayConnect.then(() => bobToken);
const clients = [connect(url, adaToken), connect(url, bobsToken, { WebSocket: BobsWebSocket })];
await until(() => clients[0].state === "connected");
const create = { session_id: id, type, content, conflicts: mode };
await clients[0].call("collab.session.create", create);
const people = await Promise.all(clients.map((client) => client.open(id, { type })));
for (const session of people) {
  session.on("conflict", (conflict) => told.conflicts.push({ session, conflict }));
  session.on("merged", (conflicts) => told.merged.push(conflicts));
  session.on("rejected", ({ error }) => told.rejected.push(error.code));
}
if (way === "offline") {
  let mayAgain;
  mayConnect = new Promise((resolve) => (mayAgain = resolve));
  sockets.forEach((socket) => socket.close());
  await until(() => people[1].status.state === "offline");
  people.forEach((person, index) => person.edit(ops[index]));
  await people[0].saved();
  mayAgain();
} else {
  people.forEach((person, index) => person.edit(ops[index]));
}
await until(() => told.merged.length || told.conflicts.length);
await Promise.all(people.map((session) => session.saved()));
const [{ session, conflict } = {}] = told.conflicts;
const held = people.map((person) => person.held.length);
let revision = mode === "merge" ? 2 : 1;
if (choice !== "none") revision = await session.resolve(conflict.conflict_id, choice);
await until(() => people.every((person) => person.revision === revision));
const answer = {
  contents: people.map((person) => person.content),
  loser: people.indexOf(session),
  states: told.conflicts.map(({ conflict: { state } }) => state),
  kinds: (told.merged[0] ?? conflict.conflicts).map(({ kind }) => kind),
  rejected: told.rejected,
  held,
};
await Promise.all(people.map((person) => person.close()));
clients.forEach((client) => client.close());
console.log(JSON.stringify(answer));
