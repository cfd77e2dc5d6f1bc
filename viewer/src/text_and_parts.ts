// Which part of the text belongs to which part of the network, and the other way round.
import type { Network } from "./protocol";

// What tells a part from all others, as `Parts.key` in Python: a frame has the name of its first layer.
export function keyOf(network: Network, part: number): string {
  const { name, frame, stop } = network.parts[part];
  return frame ? `${name}..${network.nodes[stop - 1].name}` : name;
}

// The parts around a part, the innermost first; the network itself is the last.
export function parents(network: Network, part: number): number[] {
  const above = new Map<number, number>();
  network.parts.forEach((p, i) => p.members.forEach((m) => above.set(m, i)));
  const found: number[] = [];
  for (let at = above.get(part); at !== undefined; at = above.get(at)) found.push(at);
  return found;
}

// Where a part is written: a layer itself, a block where it is called. `undefined` in another file.
export function writtenAt(network: Network, index: number): [number, number] | undefined {
  const part = network.parts[index];
  const node = network.nodes[part.start];
  const [start, end] = part.level ? part.span : part.output || !node ? [null, null] : [node.start, node.end];
  return start === null || end === null ? undefined : [start, end];
}

// The text of the first of these parts that is in this file.
export function spanOf(network: Network, path: number[]): [number, number] | null {
  for (const part of path) {
    const found = part ? writtenAt(network, part) : undefined;
    if (found) return found;
  }
  return null;
}

// What stands for these parts in the diagram: those that are shown, and closed parts with one of them inside.
export function shownFor(network: Network, parts: Set<number>, open: Set<number>): Set<number> {
  const holds = (index: number): boolean => parts.has(index) || network.parts[index].members.some(holds);
  const found = new Set<number>();
  const walk = (index: number) => {
    for (const m of network.parts[index].members) {
      const inside = network.parts[m].level !== null && open.has(m);
      if (inside ? parts.has(m) : holds(m)) found.add(m);
      if (inside) walk(m);
    }
  };
  if (parts.size) walk(0);
  return found;
}

// The layers written at an offset; where there are none, the innermost blocks called there.
export function partsAt(network: Network, offset: number): Set<number> {
  const layers = new Set<number>();
  let [blocks, shortest] = [new Set<number>(), Infinity];
  network.parts.forEach((part, i) => {
    const found = i ? writtenAt(network, i) : undefined;
    if (!found || found[0] > offset || offset > found[1]) return;
    const length = found[1] - found[0];
    if (!part.level) layers.add(i);
    else if (length <= shortest) {
      if (length < shortest) blocks = new Set();
      shortest = length;
      blocks.add(i);
    }
  });
  return layers.size ? layers : blocks;
}
