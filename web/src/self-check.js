/**
 * Whether the document here is what the server has, as its hash tells.
 *
 * @typedef {object} Check
 * @property {string} epoch
 * @property {number} revision
 * @property {string} sha256 the server's document at this revision has this hash
 * @property {(same: boolean | null) => void} [done] told whether that here is the same; null = that
 *   could not be found out
 */

import { CollabError } from "./errors.js";
import { hashOf } from "./hash.js";

const HASH = "collab.session.hash";
const TRIES = 5;

export class SelfCheck {
  #session;
  #idle;
  #diverged;
  /** @type {Check[]} */
  #waiting = [];

  /**
   * @param {import("./session.js").Session} session
   * @param {() => Promise<void>} idle fulfilled when there is time for some work
   * @param {(divergence: {revision: number, expected: string, found: string}) => void} diverged
   */
  constructor(session, idle, diverged) {
    this.#session = session;
    this.#idle = idle;
    this.#diverged = diverged;
  }

  /**
   * Compare as soon as the document here is at that revision; not at all where it is past it.
   *
   * @param {Check} check
   */
  expect(check) {
    this.#waiting.push(check);
    this.reached();
  }

  /** The document here is at another revision. */
  reached() {
    if (!this.#waiting.length) return;
    const { replica, ended } = this.#session;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const check of waiting) {
      if (ended || check.epoch !== replica.epoch || check.revision < replica.revision) {
        check.done?.(null);
      } else if (check.revision > replica.revision) {
        this.#waiting.push(check);
      } else {
        this.#compare(check, replica.serverContent());
      }
    }
  }

  /** The document here goes on from elsewhere, or no more. */
  drop() {
    for (const { done } of this.#waiting.splice(0)) done?.(null);
  }

  async #compare(check, content) {
    let same = null;
    try {
      same = await this.#isSame(check, content);
    } catch (error) {
      this.#session.report(error);
    }
    check.done?.(same);
  }

  /** @param {any} content null where it cannot be told: nothing fits together */
  async #isSame({ epoch, revision, sha256: expected }, content) {
    await this.#idle();
    const found = content === null ? "" : await hashOf(content);
    const same = found === expected;
    const { ended, epoch: current } = this.#session;
    if (!same && !ended && epoch === current) this.#diverged({ revision, expected, found });
    return same;
  }

  /**
   * Ask the server, and compare at one revision.
   *
   * @returns {Promise<boolean>}
   * @throws {CollabError}
   */
  async verify() {
    const session = this.#session;
    for (let tries = 0; tries < TRIES; tries++) {
      const answer = await session.call(HASH);
      let same;
      if (answer.revision < session.revision) {
        // It is past the head of that moment: that of this one can be asked for.
        const { epoch, revision } = session;
        const content = session.replica.serverContent();
        const own = await session.call(HASH, { revision });
        if (own.epoch !== epoch) continue;
        same = await this.#isSame(own, content);
      } else {
        same = await new Promise((done) => this.expect({ ...answer, done }));
      }
      if (same !== null) return same;
    }
    throw new CollabError("overloaded", "It could not be compared.", { retryable: true });
  }
}
