/**
 * One stretch of being joined: from a join to the first thing that makes another necessary.
 */

import { Signal } from "./timing.js";

export class Round {
  /**
   * @param {import("./connection.js").Connection} connection
   * @param {import("./timing.js").Clock} clock
   */
  constructor(connection, clock) {
    this.connection = connection;
    this.active = true;
    this.joined = false;
    /** Names of the session's topics, once joined. */
    this.topics = null;
    /** Of one operation, as `Outbox.next` takes them; once joined. */
    this.limits = null;
    /** Whether edits may be missing here. True to begin with: some may have come while joining. */
    this.behind = true;
    /** Notified when there may be something to send. */
    this.work = new Signal(clock);
    /** Notified when `behind` has become true. */
    this.news = new Signal(clock);
    /** Called when the stream acknowledges the edit in flight. */
    this.acknowledged = () => {};
    /** Rejected, with what makes another round necessary. */
    this.failed = new Promise((_resolve, reject) => (this.fail = reject));
    // Whether anybody waits for it is not known here.
    this.failed.catch(() => {});
    connection.closed.then(this.fail);
  }

  /** Have the server asked for edits that may be missing. */
  ask() {
    this.behind = true;
    this.news.notify();
  }

  /** Let everything that works for this round come to its end. */
  end() {
    this.active = false;
    this.joined = false;
    this.work.notify();
    this.news.notify();
  }
}
