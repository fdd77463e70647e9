/**
 * Named events with any number of listeners.
 */
export class Emitter {
  #listeners = new Map();

  /**
   * @param {string} name
   * @param {(value: any) => void} listener
   * @returns {() => void} takes the listener away again
   */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  /**
   * Tell of an error that no caller can be told of: an `error` event, or where nobody listens to
   * that, a line on the console.
   *
   * @param {Error} error
   */
  report(error) {
    if (this.#listeners.get("error")?.size) this.emit("error", error);
    else globalThis.console?.error(error);
  }

  /** Tell the listeners. One that throws is reported, and does not keep the others from hearing. */
  emit(name, value) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
