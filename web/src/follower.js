/**
 * Follows a session: takes what comes, and asks for what may be missing.
 */

import { CollabError } from "./errors.js";
import { Gap } from "./outbox.js";

const FETCH = "collab.session.fetch";
const INFO = "collab.session.info";

export class Follower {
  #host;
  #settings;
  #clock;
  #sender;

  /**
   * @param {import("./sync.js").Host} host
   * @param {{clock: import("./timing.js").Clock, heartbeatMs: number}} settings
   * @param {import("./sender.js").Sender} sender told when the stream acknowledges its edit
   */
  constructor(host, settings, sender) {
    this.#host = host;
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#sender = sender;
  }

  /**
   * Hear of a round's events.
   *
   * @param {import("./round.js").Round} round
   * @param {() => void} [between] called after each subscription
   */
  async subscribe(round, between = () => {}) {
    const handlers = {
      edits: (event) => this.#takeEdits(round, event),
      roster: (event) => {
        round.rosterEvents?.push(event);
        this.#host.roster(event);
      },
      presence: (event) => this.#host.presence(event),
    };
    for (const [topic, handler] of Object.entries(handlers)) {
      await round.subscribe(round.topics[topic], handler);
      between();
    }
  }

  /**
   * Fetch what is missing, as long as the round goes on.
   *
   * @param {import("./round.js").Round} round
   * @throws {CollabError} what makes another round necessary
   */
  async run(round) {
    const { connection } = round;
    while (round.active) {
      if (!round.behind) {
        const silentAt = connection.heardAt + this.#settings.heartbeatMs;
        const asked = await round.news.wait(Math.max(0, silentAt - this.#clock.now()));
        const silent = this.#clock.now() - connection.heardAt >= this.#settings.heartbeatMs;
        if (!asked && !silent) continue;
      }
      round.behind = false;
      await this.#fetch(round);
    }
  }

  /** Who is here: of those who came or went between the join and the subscription no event told. */
  async learnRoster(round) {
    const { roster } = await round.ask(INFO, {});
    if (!round.active) return;
    const since = round.rosterEvents;
    round.rosterEvents = null;
    this.#host.everybody(roster, since);
  }

  async #fetch(round) {
    let more = true;
    while (more && round.active) {
      const { epoch, revision: after } = this.#host.replica();
      const page = await round.ask(FETCH, { epoch, after });
      if (round.active) this.#take(round, after, page.edits);
      if (page.joined === false) {
        throw new CollabError("not_joined", "The server does not know of this join.");
      }
      more = page.more && page.edits.length > 0;
    }
  }

  #takeEdits(round, { epoch, after, edits }) {
    if (epoch !== this.#host.replica().epoch) {
      round.fail(new CollabError("stale_epoch", "The session goes on under a new epoch."));
      return;
    }
    this.#take(round, after, edits);
  }

  #take(round, after, edits) {
    const replica = this.#host.replica();
    const { inFlight } = replica.outbox;
    try {
      replica.receive(after, edits);
      if (after > replica.revision) round.fetch();
    } catch (error) {
      if (!(error instanceof Gap)) {
        round.fail(error);
        return;
      }
      round.fetch();
    }
    const acknowledged = inFlight !== null && replica.outbox.inFlight !== inFlight;
    if (replica.outbox.inFlight?.unsent) round.work.notify();
    if (acknowledged) this.#sender.acknowledged(round);
    else if (edits.length) this.#host.progress(false);
  }
}
