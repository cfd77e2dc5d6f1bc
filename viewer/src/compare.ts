// Which parts of one network differ from another, by the names of their layers.
import type { Network, PartData } from "./protocol";

const words = (part: PartData) => [part.bold, part.plain, ...part.small, part.count, part.head].join("|");

export function differences(one: Network, other: Network): Map<number, string> {
  const others = new Map(other.parts.map((part) => [part.name, part]));
  const shapes = new Map(other.nodes.map((node) => [node.name, node.shape]));
  const found = new Map<number, string>();
  one.parts.forEach((part, i) => {
    if (!i) return;
    const match = others.get(part.name);
    if (!match) found.set(i, `not in ${other.name}`);
    else if (words(part) !== words(match)) found.set(i, `${match.bold || match.head} ${match.plain}`.trim());
    else {
      const node = one.nodes[Math.max(part.start, part.stop - 1)];
      const shape = node && shapes.get(node.name);
      if (shape && shape !== node.shape) found.set(i, `output ${shape} in ${other.name}`);
    }
  });
  return found;
}
