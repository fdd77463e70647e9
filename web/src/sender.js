/**
 * Sends what is pending: one edit at a time, and again until it is known what became of it.
 */

import { CollabError, reactionTo } from "./errors.js";
import { backoff } from "./timing.js";

const EDIT = "collab.session.edit";

/** An edit whose revision is known, but which the stream has not brought. */
const STREAM_LATE_MS = 1000;
const MOST_INTERNAL_ERRORS = 5;
/** Who never pauses is not waited for longer than so many pauses. */
const MOST_PAUSES = 5;
/** Who is asked about conflicts is asked about words, not letters. */
const ASKED_PAUSE_MS = 700;

export class Sender {
  #host;
  #settings;
  #clock;
  #failures = 0;
  #timeouts = 0;
  #internalErrors = 0;
  /** When the user did the first and the last of what is not sent yet. */
  #first = null;
  #last = 0;

  /**
   * @param {import("./sync.js").Host} host
   * @param {{clock: import("./timing.js").Clock, clientId: string, pauseMs?: number}} settings
   */
  constructor(host, settings) {
    this.#host = host;
    this.#settings = settings;
    this.#clock = settings.clock;
  }

  /** The user has done something. */
  edited() {
    this.#last = this.#clock.now();
    this.#first ??= this.#last;
  }

  /** How long to wait, so that what is typed in one go is sent as one edit; milliseconds. */
  #pause(round) {
    const pauseMs = this.#settings.pauseMs ?? (round.conflicts === "ask" ? ASKED_PAUSE_MS : 0);
    if (!pauseMs || this.#first === null) return 0;
    const until = Math.min(this.#last + pauseMs, this.#first + MOST_PAUSES * pauseMs);
    return Math.max(0, until - this.#clock.now());
  }

  /**
   * Send as long as the round goes on.
   *
   * @param {import("./round.js").Round} round
   * @throws {CollabError} what makes another round necessary
   */
  async run(round) {
    const replica = this.#host.replica();
    while (round.active) {
      const { inFlight } = replica.outbox;
      if (inFlight && inFlight.answered !== null) {
        await this.#awaitStream(round, inFlight);
        continue;
      }
      const again = inFlight !== null && !inFlight.unsent;
      const pause = inFlight ? 0 : this.#pause(round);
      if (pause) {
        await round.work.wait(pause);
        continue;
      }
      const message = replica.outbox.resend() ?? replica.next(round.limits);
      if (!again) this.#first = null;
      if (message) await this.#submit(round, message, again);
      else await round.work.wait();
    }
  }

  /** The edit in flight is acknowledged. */
  acknowledged(round) {
    this.#forget();
    round.acknowledged();
    round.work.notify();
    this.#host.progress(true);
  }

  /** The next edit has nothing to do with what befell the last. */
  #forget() {
    this.#failures = 0;
    this.#timeouts = 0;
    this.#internalErrors = 0;
  }

  /** The call was answered, but edits before this one are missing here. */
  async #awaitStream(round, inFlight) {
    const { outbox } = this.#host.replica();
    const late = this.#clock.now() + STREAM_LATE_MS;
    while (round.active && outbox.inFlight === inFlight && this.#clock.now() < late) {
      await round.work.wait(late - this.#clock.now());
    }
    if (outbox.inFlight === inFlight) round.fetch();
  }

  async #submit(round, message, again) {
    const replica = this.#host.replica();
    this.#host.progress(false);
    try {
      const answer = await new Promise((resolve, reject) => {
        // The stream may be faster than the answer, and the answer may be lost.
        round.acknowledged = resolve;
        const { epoch } = replica;
        const request = { epoch, client_id: this.#settings.clientId, ...message };
        round.call(EDIT, request).then((result) => {
          if (result.conflicts) this.#host.merged(result.conflicts);
          resolve(result);
        }, reject);
      });
      if (!round.active) return;
      if (answer && replica.answered(message.seq, answer.revision)) this.acknowledged(round);
    } catch (error) {
      if (round.active && replica.outbox.inFlight?.seq === message.seq) {
        await this.#failed(error, again);
      }
    }
  }

  async #failed(error, again) {
    if (error.code === "base_too_old") this.#host.replica().outbox.tooOld();
    let reaction = reactionTo(error);
    if (error.code === "timeout" && ++this.#timeouts < 2) reaction = "again";
    if (error.code === "internal" && ++this.#internalErrors > MOST_INTERNAL_ERRORS) {
      reaction = "refuse";
    }
    if (reaction === "again") {
      const wait = error.retryAfterMs ?? backoff(this.#clock, this.#failures++, 100, 2000);
      await new Promise((resolve) => this.#clock.setTimeout(resolve, wait));
    } else if (reaction === "refuse" && again && error.code !== "conflict") {
      // The first copy may have been committed before this one was refused; a join tells.
      throw new CollabError("seq_gap", "Whether the edit was committed is not known.");
    } else if (reaction === "refuse") {
      this.#refused(error);
    } else {
      // Another body was committed under the number, so this one never will be.
      if (error.code === "seq_reused") this.#refused(error);
      throw error;
    }
  }

  #refused(error) {
    this.#forget();
    this.#host.rejected(error, this.#host.replica().reject());
  }
}
