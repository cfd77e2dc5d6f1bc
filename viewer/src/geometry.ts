// Where everything stands in one level, as netspec/scene/level_geometry.py has it, from top to bottom.
import type { Plan, Point } from "./protocol";
import { placedBetween, spread } from "./spread";

export const SPACING = { neighbours: 22, ranks: 12, bend: 18, before: [12, 24] as Point, behind: [12, 10] as Point, air: 4 };

const BELOW_TITLE = 6; // how much further down lines bend that do so below the title of their frame

export interface Frame {
  size: Point;
  entries: Map<number, number>;
  exits: Map<number, number>;
}

export interface Outline {
  members: Frame[];
  edges: [number, number, number][];
  entries: number[];
  exits: number[];
  labels: Point[];
  head: number | null;
}

export interface Line {
  source: number;
  target: number;
  tensor: number;
  points: Point[];
  arrow: boolean;
}

export interface Geometry {
  size: Point;
  corners: Point[];
  lines: Line[];
  labels: [number, Point][];
  entries: Map<number, number>;
  exits: Map<number, number>;
}

export function geometry(outline: Outline, plan: Plan): Geometry {
  return new Solver(outline, plan).solve();
}

class Solver {
  private readonly members: number;
  private readonly firstExit: number;
  private readonly count: number;
  private readonly sizes: Point[];
  private readonly rank = new Map<number, number>();
  private readonly emits = new Map<number, number[]>();
  private readonly into = new Map<number, Map<number, number>>();
  private arrivals = new Map<number, Map<number, number>>();
  private at: number[] = [];
  private corner: number[] = [];
  private right = 0;
  private top: number[] = [];
  private stop: number[] = [];
  private turn: number[] = [];
  private ends: number[] = [];
  private bottom = 0;

  constructor(private readonly outline: Outline, private readonly plan: Plan) {
    this.members = outline.members.length;
    this.firstExit = this.members + outline.entries.length;
    this.count = this.firstExit + outline.exits.length;
    this.sizes = outline.members.map((m) => m.size);
    while (this.sizes.length < this.count) this.sizes.push([0, 0]);
    plan.ranks.forEach((row, r) => row.forEach((item) => this.rank.set(item, r)));
    const place = new Map(plan.ranks.flatMap((row) => row.map((item, i): [number, number] => [item, i])));
    const goes = new Map<number, Map<number, number[]>>();
    outline.edges.forEach(([a, b, tensor], k) => {
      const path = plan.paths[k];
      if (a < this.members) {
        const found = goes.get(a) ?? new Map<number, number[]>();
        found.set(tensor, [...(found.get(tensor) ?? []), place.get(path[1])!]);
        goes.set(a, found);
      }
      const into = this.into.get(b) ?? new Map<number, number>();
      into.set(tensor, path[path.length - 2]);
      this.into.set(b, into);
    });
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    for (const [a, tensors] of goes) // side by side as where they lead to
      this.emits.set(a, [...tensors].sort(([, one], [, other]) => mean(one) - mean(other)).map(([tensor]) => tensor));
  }

  solve(): Geometry {
    this.placeAcross();
    for (const item of this.into.keys()) this.arrivals.set(item, this.placesInto(item));
    this.placeAlong();
    const inside = new Set(this.outline.edges.filter(([, b]) => b < this.members).map(([, , t]) => t));
    const labels: [number, Point][] = [];
    for (const [item, tensors] of this.emits)
      for (const tensor of tensors)
        if (inside.has(tensor)) labels.push([tensor, this.label(item, tensor)]);
    return {
      size: this.size(),
      corners: this.outline.members.map((_, i) => [this.corner[i], this.top[i]]),
      lines: this.lines(),
      labels,
      entries: new Map(this.outline.entries.map((tensor, i) => [tensor, this.at[this.members + i]])),
      exits: new Map(this.outline.exits.map((tensor, i) => [tensor, this.at[this.firstExit + i]])),
    };
  }

  private label(item: number, tensor: number): Point {
    const start = this.top[item] + this.sizes[item][1];
    const free = this.ends[this.rank.get(item)!] - start - this.outline.labels[tensor][1];
    return [this.leaves(item, tensor), start + free / 2];
  }

  private placeAcross(): void {
    const before: number[] = [];
    const after: number[] = [];
    for (let item = 0; item < this.count; item++) {
      const pin = this.pin(item);
      const width = this.sizes[item][0];
      const ends = (this.emits.get(item) ?? []).map((t) => this.leavesAt(item, t) - pin + this.outline.labels[t][0]);
      if (item >= this.firstExit && this.outline.exits.length > 1) // their labels stand below the frame
        ends.push(this.outline.labels[this.outline.exits[item - this.firstExit]][0]);
      before.push(pin);
      after.push(Math.max(width - pin, ...ends));
    }
    const at = spread(this.plan, before, after, SPACING.neighbours);
    let shift = this.outline.head !== null ? SPACING.before[0] : 0;
    if (this.outline.head && this.outline.entries.length)
      shift = Math.max(shift, this.outline.head - Math.min(...at.slice(this.members, this.firstExit)));
    this.at = at.map((x) => x + shift);
    this.corner = before.map((b, i) => this.at[i] - b);
    this.right = Math.max(0, ...this.at, ...after.map((a, i) => this.at[i] + a));
  }

  private pin(item: number): number {
    const entries = this.outline.members[item]?.entries;
    return entries?.size ? entries.values().next().value! : this.sizes[item][0] / 2;
  }

  private leavesAt(item: number, tensor: number): number {
    const exit = this.outline.members[item]?.exits.get(tensor);
    if (exit !== undefined) return exit;
    const tensors = this.emits.get(item) ?? [tensor];
    return (this.sizes[item][0] * (tensors.indexOf(tensor) + 1)) / (tensors.length + 1);
  }

  private leaves(item: number, tensor: number): number {
    return item < this.members ? this.corner[item] + this.leavesAt(item, tensor) : this.at[item];
  }

  private placesInto(item: number): Map<number, number> {
    const into = this.into.get(item)!;
    const entries = this.outline.members[item]?.entries;
    if (entries?.size) return new Map([...entries].map(([t, x]) => [t, this.corner[item] + x]));
    const width = this.sizes[item][0];
    if (!width) return new Map([...into.keys()].map((t) => [t, this.at[item]]));
    const wanted = new Map([...into].map(([t, i]) => [t, i < this.count ? this.leaves(i, t) : this.at[i]]));
    const tensors = [...wanted.keys()].sort((a, b) => wanted.get(a)! - wanted.get(b)! || a - b);
    const edge = Math.min(10, width / 4);
    const low = this.corner[item] + edge;
    const high = this.corner[item] + width - edge;
    if (tensors.length === 1 && !(low <= wanted.get(tensors[0])! && wanted.get(tensors[0])! <= high))
      return new Map([[tensors[0], (low + high) / 2]]); // it bends whatever its end
    const places = placedBetween(tensors.map((t) => wanted.get(t)!), low, high, 14);
    return new Map(tensors.map((t, k) => [t, places[k]]));
  }

  private placeAlong(): void {
    const bends = this.bending();
    const framed = this.outline.head !== null;
    let along = framed ? SPACING.before[1] : 0;
    if (this.outline.entries.length) along -= SPACING.ranks;
    const head = this.outline.head ?? 0;
    if (bends.has(0) && this.plan.ranks[1].some((i) => this.at[i] < head)) along += BELOW_TITLE;
    this.top = new Array<number>(this.count).fill(0);
    this.plan.ranks.forEach((row, r) => {
      const real = row.filter((i) => i < this.count);
      const height = Math.max(0, ...real.map((i) => this.sizes[i][1]));
      for (const i of real) this.top[i] = along + (height - this.sizes[i][1]) / 2;
      const rooms = real.flatMap((i) => (this.emits.get(i) ?? []).map((t) => this.outline.labels[t][1]));
      const label = Math.max(0, ...rooms);
      const air = label && bends.has(r) ? SPACING.air : 0;
      along += height + label + air;
      this.turn[r] = along;
      along += bends.has(r) ? SPACING.bend : 0;
      this.stop[r] = along;
      along += SPACING.ranks - air;
      this.ends[r] = bends.has(r) ? this.turn[r] : along;
    });
    this.bottom = this.turn.length ? this.turn[this.turn.length - 1] : along;
    if (framed && !this.outline.exits.length) this.bottom += SPACING.behind[1];
  }

  private bending(): Set<number> {
    const found = new Set<number>();
    this.outline.edges.forEach(([a, b, tensor], e) => {
      const path = this.plan.paths[e];
      for (let k = 0; k + 1 < path.length; k++) {
        const start = k === 0 ? this.leaves(a, tensor) : this.at[path[k]];
        const stop = k === path.length - 2 ? this.arrivals.get(b)!.get(tensor)! : this.at[path[k + 1]];
        if (Math.abs(start - stop) > 0.5) found.add(this.rank.get(path[k])!);
      }
    });
    return found;
  }

  private size(): Point {
    if (this.outline.head === null) return [this.right, this.bottom];
    return [Math.max(this.right, this.outline.head) + SPACING.behind[0], this.bottom];
  }

  private lines(): Line[] {
    const made: Line[] = [];
    const drawn = new Set<number>();
    const order = this.outline.edges.map((_, e) => e);
    order.sort((x, y) => this.plan.paths[y].length - this.plan.paths[x].length || x - y);
    for (const e of order) {
      const [a, b, tensor] = this.outline.edges[e];
      const path = this.plan.paths[e];
      let first = 0;
      for (let k = 1; k + 1 < path.length; k++) if (drawn.has(path[k])) first = k;
      for (const item of path.slice(1, -1)) drawn.add(item);
      const points: Point[] =
        first === 0 ? this.start(a, tensor) : [[this.at[path[first]], this.turn[this.rank.get(path[first])!]]];
      for (const item of path.slice(first + 1, -1)) {
        const r = this.rank.get(item)!;
        points.push([this.at[item], this.stop[r - 1]], [this.at[item], this.turn[r]]);
      }
      const arrives = this.arrivals.get(b)!.get(tensor)!;
      points.push([arrives, this.stop[this.rank.get(b)! - 1]], [arrives, this.top[b]]);
      const open = this.outline.members[b]?.entries.size;
      made.push({ source: a, target: b, tensor, points, arrow: b < this.members && !open });
    }
    return made;
  }

  private start(item: number, tensor: number): Point[] {
    const leaves = this.leaves(item, tensor);
    const begin = item < this.members ? this.top[item] + this.sizes[item][1] : 0;
    return [[leaves, begin], [leaves, this.turn[this.rank.get(item)!]]];
  }
}
