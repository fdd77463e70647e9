/** What the platform is doing beside the clock's time, which has to wait for it. */
const outside = new Set();

const { subtle } = globalThis.crypto;
const digest = subtle.digest.bind(subtle);
subtle.digest = (...what) => {
  const done = digest(...what);
  outside.add(done);
  return done.finally(() => outside.delete(done));
};

/** A clock that goes on only when it is told to, and so lets hours pass in no time. */
export class VirtualClock {
  #now = 0;
  #timers = new Map();
  #last = 0;

  constructor(random) {
    this.random = random;
  }

  now() {
    return this.#now;
  }

  time() {
    return 1_767_225_600_000 + this.#now;
  }

  setTimeout(call, ms) {
    this.#timers.set(++this.#last, { at: this.#now + ms, call });
    return this.#last;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  /**
   * Let time pass until a condition holds.
   *
   * @param {() => boolean} holds
   * @param {number} [mostMs] of virtual time
   * @throws where it does not hold by then
   */
  async until(holds, mostMs = 600_000) {
    const end = this.#now + mostMs;
    for (;;) {
      // All that promises have to do is done before the next timer is due.
      do {
        await Promise.allSettled(outside);
        await new Promise(setImmediate);
      } while (outside.size);
      if (holds()) return;
      const [id, next] = [...this.#timers].reduce(
        (first, entry) => (!first || entry[1].at < first[1].at ? entry : first),
        undefined,
      ) ?? [0, { at: Infinity }];
      if (next.at > end) throw new Error(`It does not hold after ${mostMs} ms: ${holds}`);
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, next.at);
      next.call();
    }
  }

  /** Let so much time pass. */
  async pass(ms) {
    let over = false;
    this.setTimeout(() => (over = true), ms);
    await this.until(() => over);
  }
}
