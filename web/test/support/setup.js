/** Clients on a model of a node, on a virtual clock. */

import { connect } from "../../src/index.js";
import { VirtualClock } from "./clock.js";
import { ModelNode } from "./node.js";
import { seeded } from "./random.js";

export function setUp(seed = 1) {
  const random = seeded(seed);
  const clock = new VirtualClock(random.random);
  const node = new ModelNode(clock);
  const client = (token = "good") =>
    connect("ws://model/ws", token, { clock, WebSocket: node.WebSocket });
  return { random, clock, node, client };
}

/** Open a session, keeping an editor's copy of the document as an application would. */
export async function open(clock, client, options = { create: true }) {
  let session = null;
  let failure = null;
  client.open("notes", options).then(
    (opened) => (session = opened),
    (error) => (failure = error),
  );
  await clock.until(() => session || failure);
  if (failure) throw failure;
  const editor = { session, client, content: session.content, rejected: [] };
  session.on("change", ({ op }) => (editor.content = session.type.apply(editor.content, op)));
  session.on("rejected", (rejected) => editor.rejected.push(rejected));
  editor.edit = (op) => session.edit(op);
  return editor;
}

export const settled = (editors) =>
  editors.every(({ session }) => session.status.state === "saved");
