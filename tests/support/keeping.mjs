// Two people with the browser client keep a document of each type: its versions, its history, and
// what was not taken, as they change the same at once; `node keeping.mjs URL ADA BOB`, with their
// tokens. Prints what became of it as JSON.

import { connect } from "../../web/src/index.js";

const [url, ...tokens] = process.argv.slice(2);
const replaced = (text) => [{ insert: text }, { delete: 3 }];
const TYPES = {
  text: {
    content: "one two",
    op: [4, "and "],
    clash: [
      ["ONE", { d: 3 }],
      ["EINS", { d: 3 }],
    ],
  },
  rich_text: {
    content: [{ insert: "one two\n" }],
    op: [{ retain: 4 }, { insert: "and ", attributes: { bold: true } }],
    clash: [replaced("ONE"), replaced("EINS")],
  },
  json: {
    content: { a: 1 },
    op: [{ p: ["b"], oi: "2 €" }],
    clash: [
      [{ p: ["a"], od: 1, oi: "ONE" }],
      [{ p: ["a"], od: 1, oi: "EINS" }],
    ],
  },
};
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

const clients = tokens.map((token) => connect(url, token));
await until(() => clients.every(({ state }) => state === "connected"));

async function keep(type, { content, op, clash }) {
  const id = `kept-${type}`;
  const create = { session_id: id, type, content, conflicts: "reject" };
  await clients[0].call("collab.session.create", create);
  const people = await Promise.all(clients.map((client) => client.open(id, { type })));
  const [ada] = people;
  const before = ada.content;
  ada.edit(op);
  await ada.saved();
  const changed = ada.content;
  const version = await ada.saveVersion("changed");
  await until(() => people.every(({ revision }) => revision === 1));
  const rejections = [];
  people.forEach((session, i) => {
    session.on("rejected", ({ error, patch }) => rejections.push({ session, error, patch }));
    session.edit(clash[i]);
  });
  await until(() => rejections.length && people.every(({ revision }) => revision === 2));
  const [{ session, error, patch }] = rejections;
  await session.saved();
  const verified = [await session.verify()];
  const winners = session.content;
  const kept = session.patches.map(({ text }) => text);
  session.applyPatch(patch.id);
  await session.saved();
  const both = JSON.stringify(session.content);
  session.undo();
  await session.saved();
  const undone = same(session.content, winners);
  const history = await session.history();
  const past = [0, 1, 2, 4].map((revision) => history.at(revision).content);
  const revision = await ada.restore({ versionId: version.versionId });
  await until(() => people.every((person) => person.revision === revision));
  const restored = people.map((person) => same(person.content, changed));
  for (const person of people) verified.push(await person.verify());
  return {
    past: same(past, [before, changed, winners, winners]),
    authors: history.at(1).authors.map(([who, length]) => [who === ada.clientId, length]),
    versions: (await ada.versions()).map(({ name }) => name),
    refused: error.code,
    kept: kept.map((text) => text.replaceAll('"', "")),
    again: kept.every((text) => both.includes(text.replaceAll('"', ""))),
    left: session.patches.length,
    undone,
    restored,
    verified,
  };
}

const answer = {};
for (const [type, how] of Object.entries(TYPES)) answer[type] = await keep(type, how);
clients.forEach((client) => client.close());
console.log(JSON.stringify(answer));
