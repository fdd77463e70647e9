/** What the server tells a connection beside its sessions; see `collab.notice` in PROTOCOL.md. */

import { CollabError } from "./errors.js";

const NOTICE = "collab.notice";
const REFRESH = "collab.token.refresh";
/** Whoever is told to go does so within this at the latest, at a random moment. */
const LONGEST_WAIT_MS = 5000;

/**
 * Follow the notices of a connection: go elsewhere when its node is ending, and refresh the token
 * before it expires.
 *
 * @param {import("./connection.js").Connection} connection
 * @param {object} options
 * @param {number} options.timeoutMs
 * @param {import("./timing.js").Clock} options.clock
 * @param {(() => Promise<string>) | null} options.newToken gets a newer token; null where there is
 *   none to be had
 * @param {(notice: any) => void} options.tell
 * @returns {Promise<void>} fulfilled when it follows them
 */
export async function followNotices(connection, { timeoutMs, clock, newToken, tell }) {
  const react = {
    drain({ within_ms: withinMs }) {
      const leave = () =>
        connection.close(new CollabError("draining", "The server is being restarted."));
      // Early enough that there is time for another try, and not all at the same moment.
      clock.setTimeout(leave, Math.min(withinMs / 2, LONGEST_WAIT_MS) * clock.random());
    },
    async token_expiring() {
      if (!newToken) return;
      await connection.call(REFRESH, { ticket: await newToken() }, timeoutMs);
    },
  };
  const take = async (notice) => {
    tell(notice);
    try {
      await react[notice.kind]?.(notice);
    } catch (error) {
      // The connection goes on until the old token expires, and then with a new one.
      tell({ kind: "error", error });
    }
  };
  await connection.subscribe(NOTICE, take, timeoutMs);
}
