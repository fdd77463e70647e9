// The load driver's helpers, where a server may be several processes: a process id stands for the
// process and all that it has started.
import fs from 'node:fs';
import { cpu as cpuOfOne, othersCpu as othersThan, rssKiB as rssOfOne } from './lib.one.mjs';

export * from './lib.one.mjs';

/** Process id → ids of its children. */
function children() {
  const found = new Map();
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = fs.readFileSync(`/proc/${entry}/stat`, 'utf8');
      const parent = +stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
      found.set(parent, [...(found.get(parent) ?? []), +entry]);
    } catch (error) {
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error; // it has ended meanwhile
    }
  }
  return found;
}

export function tree(pid) {
  const below = children(), found = [pid];
  for (const one of found) found.push(...(below.get(one) ?? []));
  return found;
}

export function cpu(pid) {
  const sum = { u: 0, s: 0, t: 0 };
  for (const one of pid ? tree(pid) : []) {
    const used = cpuOfOne(one);
    for (const part of ['u', 's', 't']) sum[part] += used[part];
  }
  return sum;
}

export function rssKiB(pid) {
  return pid ? tree(pid).reduce((sum, one) => sum + rssOfOne(one), 0) : 0;
}

export function othersCpu(excluded) {
  return othersThan(new Set([...excluded].flatMap((pid) => (pid ? tree(pid) : []))));
}
