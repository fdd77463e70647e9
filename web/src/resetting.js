/**
 * Have an outbox go on from a snapshot; see `Outbox.reset`. The document here may have gone wrong:
 * whatever it is, it is the snapshot with what is pending afterwards. Where that does not fit at
 * all, it is not pending any more.
 *
 * @param {import("./outbox.js").Outbox} outbox
 * @param {any} content of the document here
 * @param {{content: any, revision: number, nextSeq: number}} snapshot
 * @returns {any} what to apply to the document here
 */
export function goOnFrom(outbox, content, { content: snapshot, revision, nextSeq }) {
  const { type } = outbox;
  let op;
  let found;
  let wanted = snapshot;
  try {
    const known = type.apply(content, outbox.undoPending());
    op = outbox.reset(revision, type.difference(known, snapshot), nextSeq, snapshot);
    if (outbox.buffer !== null) wanted = type.apply(snapshot, outbox.buffer);
    found = type.apply(content, op);
  } catch {
    // The types throw errors of several kinds where something does not fit.
    outbox.restart(revision, nextSeq, snapshot);
    return type.difference(content, snapshot);
  }
  return type.isNoop(type.difference(found, wanted)) ? op : type.difference(content, wanted);
}
