/**
 * Patches out of a session, and into another one.
 */

import { reactionTo } from "./errors.js";
import { read, written } from "./exchange.js";

const FETCH = "collab.session.fetch";
/** Patches that are further behind are taken by their text alone. */
const MOST_EDITS = 10_000;

/** @param {import("./session.js").Session} session */
export function exported({ type, id: sessionId, epoch, revision, replica }) {
  return written({ type, sessionId, epoch, revision, patches: replica.rescue.atServer() });
}

/**
 * @param {import("./session.js").Session} session
 * @param {string} json
 */
export async function imported(session, json) {
  const { epoch, revision, patches } = read(session.type, json);
  const edits = patches.length ? await editsSince(session, epoch, revision) : null;
  // Some may have come meanwhile that are not here yet.
  const known = edits?.slice(0, session.revision - revision) ?? null;
  return patches.map((patch) => session.replica.takePatch(patch, known));
}

/** The edits up to the revision that is known here, or more; null where these are not to be had. */
async function editsSince(session, epoch, revision) {
  const edits = [];
  while (epoch === session.epoch && revision <= session.revision) {
    const after = revision + edits.length;
    if (after >= session.revision) return edits;
    if (session.revision - revision > MOST_EDITS) return null;
    try {
      const page = await session.call(FETCH, { epoch, after, limit: 1000 });
      if (!page.edits.length) return null;
      edits.push(...page.edits);
    } catch (error) {
      if (["refuse", "snapshot", "join"].includes(reactionTo(error))) return null;
      throw error;
    }
  }
  return null;
}
