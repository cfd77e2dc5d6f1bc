// The drawing of the network with some parts open, from the inside out, as netspec/scene/layout.py has it.
import { type Frame, type Geometry, geometry } from "./geometry";
import type { Network, PartData, Point } from "./protocol";

export const STACK = 3;

export interface Box {
  part: number;
  corner: Point;
  size: Point;
  inside: Inside | null;
}

export interface Route {
  node: number;
  source: Box | null;
  target: Box | null;
  points: Point[];
  arrow: boolean;
}

export interface Inside {
  size: Point;
  boxes: Box[];
  routes: Route[];
  labels: [number, Point][];
  entries: Map<number, number>;
  exits: Map<number, number>;
}

export function partSize(part: PartData): Point {
  const stack = part.count > 1 ? STACK : 0;
  return [part.width + stack, part.height + stack];
}

export function drawnNode(part: PartData, node: number): number {
  return part.start + ((node - part.start) % ((part.stop - part.start) / part.count));
}

export function layout(network: Network, isOpen: (part: number) => boolean, root = 0): Inside {
  const inside = (index: number, framed: boolean): Inside => {
    const part = network.parts[index];
    const level = part.level!;
    const inner = part.members.map((m) => (network.parts[m].level && isOpen(m) ? inside(m, true) : null));
    const tensors = [...new Set(level.wires.map(([, , node]) => node))];
    const number = new Map(tensors.map((node, i) => [node, i]));
    const count = part.members.length;
    const entry = new Map(level.entries.map((node, i) => [node, count + i]));
    const exit = new Map(level.exits.map((node, i) => [node, count + entry.size + i]));
    const frame = (m: number, k: number): Frame => {
      const open = inner[k];
      if (!open) return { size: partSize(network.parts[m]), entries: new Map(), exits: new Map() };
      const exits = new Map<number, number>();
      for (const [source, , node] of level.wires) {
        const x = open.exits.get(drawnNode(network.parts[m], node));
        if (source === k && x !== undefined) exits.set(number.get(node)!, x);
      }
      return { size: open.size, entries: new Map([...open.entries].map(([n, x]) => [number.get(n)!, x])), exits };
    };
    const solved: Geometry = geometry(
      {
        members: part.members.map(frame),
        edges: level.wires.map(([a, b, node]) => [
          a >= 0 ? a : entry.get(node)!, b >= 0 ? b : exit.get(node)!, number.get(node)!,
        ]),
        entries: level.entries.map((n) => number.get(n)!),
        exits: level.exits.map((n) => number.get(n)!),
        labels: tensors.map((node) => [network.nodes[node].labelWidth, 13]),
        head: framed ? part.headWidth : null,
      },
      network.plans[level.plan],
    );
    const boxes = part.members.map((m, k): Box => ({
      part: m, corner: solved.corners[k], size: inner[k]?.size ?? partSize(network.parts[m]), inside: inner[k],
    }));
    return {
      size: solved.size,
      boxes,
      routes: solved.lines.map((line) => ({
        node: tensors[line.tensor],
        source: boxes[line.source] ?? null,
        target: boxes[line.target] ?? null,
        points: line.points,
        arrow: line.arrow,
      })),
      labels: solved.labels.map(([tensor, corner]) => [tensors[tensor], corner]),
      entries: new Map([...solved.entries].map(([tensor, x]) => [tensors[tensor], x])),
      exits: new Map([...solved.exits].map(([tensor, x]) => [tensors[tensor], x])),
    };
  };
  return inside(root, false);
}

// Parts that are open at first: by depth, as `draw` opens them.
export function openAtFirst(network: Network, depth: number): Set<number> {
  const open = new Set<number>();
  const walk = (index: number, level: number) => {
    for (const m of network.parts[index].members) {
      const part = network.parts[m];
      if (!part.level) continue;
      const inner = level + (part.frame ? 0 : 1);
      if (inner <= depth || part.frame) open.add(m);
      walk(m, inner);
    }
  };
  walk(0, 0);
  return open;
}
