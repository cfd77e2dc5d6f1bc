// The drawing from far away, where no text can be read: upright rectangles, color by color, which a processor fills fast, and
// straight lines; what is smaller than a few pixels is one rectangle.
import { type Rect as Seen, within } from "./cells";
import type { Box, Inside, Route } from "./layout";
import type { View } from "./painter";
import type { PartData } from "./protocol";

export const FAR = 0.35; // the zoom below which a drawing is painted like this
const PLAIN = 0.2; // the zoom below which boxes have no border
const SMALL = 7; // pixels of an open block below which it is painted as if it were closed
const SHORT = 2; // pixels of a line below which it is left out

type Rect = [number, number, number, number]; // left, top, width, height

class Rects {
  private readonly found = new Map<string, Rect[]>();

  add(colour: string, rect: Rect): void {
    const known = this.found.get(colour);
    if (known) known.push(rect);
    else this.found.set(colour, [rect]);
  }

  fill(context: CanvasRenderingContext2D): void {
    for (const [colour, rects] of this.found) {
      context.fillStyle = colour;
      for (const rect of rects) context.fillRect(...rect);
    }
  }
}

export class FarPainter {
  private readonly frames: Rect[] = []; // from the outermost in
  private readonly borders = new Rects();
  private readonly fills = new Rects();
  private readonly upright: Rect[] = []; // lines
  private readonly pixel: number;
  private readonly strong: Rect[] = [];
  private readonly dots: [number, number, string][] = [];

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly view: View,
    private readonly seen: Seen,
    private readonly coloursOf: (part: PartData) => [string, string, string], // fill, border, ink
  ) {
    this.pixel = 1 / view.camera.zoom;
  }

  paint(): void {
    const { context: c, view } = this;
    c.beginPath();
    this.inside(view.root, 0, 0);
    for (const rect of this.frames) {
      c.fillStyle = view.theme.frame;
      c.fillRect(...rect);
      c.fillStyle = view.theme.frameFill;
      c.fillRect(...this.within(rect));
    }
    c.strokeStyle = c.fillStyle = view.theme.wire;
    c.lineWidth = this.line;
    c.setLineDash([]);
    c.stroke();
    for (const rect of this.upright) c.fillRect(...rect);
    this.borders.fill(c);
    this.fills.fill(c);
    const { pixel } = this;
    c.strokeStyle = c.fillStyle = view.theme.mark;
    c.lineWidth = 2 * pixel;
    for (const rect of this.strong) c.strokeRect(...rect);
    for (const [x, y, colour] of this.dots) {
      c.fillStyle = colour;
      c.fillRect(x - 2 * pixel, y - 2 * pixel, 4 * pixel, 4 * pixel);
    }
  }

  private get line(): number {
    return Math.max(1.2, 0.6 * this.pixel);
  }

  // Without a border of one pixel.
  private within([x, y, width, height]: Rect): Rect {
    return [x + this.pixel, y + this.pixel, width - 2 * this.pixel, height - 2 * this.pixel];
  }

  private inside(inside: Inside, x: number, y: number): void {
    const { boxes, routes } = within(this.view.network, inside, x, y, this.seen);
    for (const box of boxes) this.box(box, [x + box.corner[0], y + box.corner[1], box.size[0], box.size[1]]);
    this.lines(routes, x, y);
  }

  private box(box: Box, rect: Rect): void {
    const { view } = this;
    const part = view.network.parts[box.part];
    if (view.selected === box.part || view.marked.has(box.part)) this.strong.push(rect);
    const { changes } = view.theme;
    const mark = view.differs.get(box.part);
    if (mark && (mark.kind === "added" || mark.kind === "changed")) this.dots.push([rect[0] + rect[2], rect[1], changes[mark.kind]]);
    if (mark?.removed.length) this.dots.push([rect[0] + rect[2], rect[1] + rect[3], changes.removed]);
    if (box.inside && Math.max(rect[2], rect[3]) * view.camera.zoom >= SMALL) {
      this.frames.push(rect);
      this.inside(box.inside, rect[0], rect[1]);
      return;
    }
    const [fill, border] = this.coloursOf(part);
    if (view.camera.zoom < PLAIN) {
      this.fills.add(fill, rect);
    } else {
      this.borders.add(border, rect);
      this.fills.add(fill, this.within(rect));
    }
  }

  private lines(routes: Route[], x: number, y: number): void {
    const { context: c, view } = this;
    for (const { points } of routes) {
      const [first, end] = [points[0], points[points.length - 1]];
      if (Math.abs(end[0] - first[0]) + Math.abs(end[1] - first[1]) < SHORT / view.camera.zoom) continue;
      points.forEach(([px, py], k) => {
        const [ax, ay] = k ? points[k - 1] : [NaN, NaN];
        if (Math.abs(ax - px) < 0.5) this.upright.push([x + px - this.line / 2, y + ay, this.line, py - ay]);
        else if (k) {
          c.moveTo(x + ax, y + ay);
          c.lineTo(x + px, y + py);
        }
      });
    }
  }
}
