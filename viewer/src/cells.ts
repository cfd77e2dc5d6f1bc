// What of a part stands in a rectangle: boxes, lines and labels by the cells of a grid that they touch.
import type { Box, Inside, Route } from "./layout";
import type { Network, Point } from "./protocol";

export type Rect = [number, number, number, number]; // left, top, right, bottom

export interface Seen {
  boxes: Box[];
  routes: Route[];
  labels: [number, Point][];
}

const FEW = 40; // things that are looked at one by one
const PER_CELL = 8;
const WIDE = 16; // cells beyond which a thing belongs to none

class Grid<T> {
  private readonly cells = new Map<number, number[]>();
  private readonly wide: number[] = [];
  private readonly bounds: Rect[];
  private readonly side: number;
  private readonly columns: number;
  private readonly around: Rect | null; // all of them

  constructor(private readonly things: T[], size: Point, boundsOf: (thing: T) => Rect) {
    this.bounds = things.map(boundsOf);
    this.around = this.bounds.reduce<Rect | null>((a, b) => (a ? union(a, b) : b), null);
    const few = things.length <= FEW;
    this.side = few ? Infinity : Math.sqrt((size[0] * size[1] * PER_CELL) / things.length);
    this.columns = few ? 1 : Math.ceil(size[0] / this.side) + 1;
    this.bounds.forEach((rect, i) => {
      const touched = few ? [] : [...this.touched(rect)];
      if (few || touched.length > WIDE) this.wide.push(i);
      else for (const cell of touched) this.cells.set(cell, [...(this.cells.get(cell) ?? []), i]);
    });
  }

  within(seen: Rect): T[] {
    if (this.around && holds(seen, this.around)) return this.things;
    const found = new Set(this.wide);
    if (this.cells.size) for (const cell of this.touched(seen)) for (const i of this.cells.get(cell) ?? []) found.add(i);
    return [...found].filter((i) => meets(this.bounds[i], seen)).map((i) => this.things[i]);
  }

  private *touched([left, top, right, bottom]: Rect): Generator<number> {
    const column = (x: number) => Math.min(Math.max(Math.floor(x / this.side), 0), this.columns - 1);
    for (let row = Math.max(0, Math.floor(top / this.side)); row <= bottom / this.side; row++)
      for (let x = column(left); x <= column(right); x++) yield row * this.columns + x;
  }
}

function union(a: Rect, b: Rect): Rect {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

function holds(a: Rect, b: Rect): boolean {
  return a[0] <= b[0] && a[1] <= b[1] && a[2] >= b[2] && a[3] >= b[3];
}

function meets(a: Rect, b: Rect): boolean {
  return a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];
}

class Cells {
  private readonly boxes: Grid<Box>;
  private readonly routes: Grid<Route>;
  private readonly labels: Grid<[number, Point]>;

  constructor(network: Network, { boxes, routes, labels, size }: Inside) {
    this.boxes = new Grid(boxes, size, ({ corner: [x, y], size: [w, h] }) => [x, y, x + w, y + h]);
    this.routes = new Grid(routes, size, ({ points }) => {
      const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
      return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    });
    this.labels = new Grid(labels, size, ([node, [x, y]]) => [x, y, x + 4 + network.nodes[node].labelWidth, y + 13]);
  }

  within(seen: Rect): Seen {
    return { boxes: this.boxes.within(seen), routes: this.routes.within(seen), labels: this.labels.within(seen) };
  }
}

const made = new WeakMap<Inside, Cells>();

// What of an open part, whose corner is at (x, y), stands in a rectangle.
export function within(network: Network, inside: Inside, x: number, y: number, seen: Rect): Seen {
  const cells = made.get(inside) ?? new Cells(network, inside);
  made.set(inside, cells);
  return cells.within([seen[0] - x, seen[1] - y, seen[2] - x, seen[3] - y]);
}
