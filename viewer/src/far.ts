// The drawing from far away: rectangles and straight lines, color by color; what is smaller than a few pixels is one of them.
import type { Box, Inside } from "./layout";
import type { View } from "./painter";
import type { PartData } from "./protocol";

export const FAR = 0.13; // the zoom below which a drawing is painted like this
const SMALL = 7; // pixels of an open block below which it is painted as if it were closed
const SHORT = 2; // pixels of a line below which it is left out

type Rect = [number, number, number, number];

export class FarPainter {
  private readonly frames: Rect[] = [];
  private readonly fills = new Map<string, Rect[]>();
  private readonly strong: Rect[] = [];
  private readonly dots: [number, number, string][] = [];

  constructor(
    private readonly context: CanvasRenderingContext2D,
    private readonly view: View,
    private readonly seen: Rect, // left, top, right, bottom
    private readonly fillOf: (part: PartData) => string,
  ) {}

  paint(): void {
    const { context: c, view } = this;
    c.beginPath();
    this.inside(view.root, 0, 0);
    c.fillStyle = view.theme.frameFill;
    for (const rect of this.frames) c.fillRect(...rect);
    c.strokeStyle = view.theme.wire;
    c.lineWidth = Math.max(1.2, 0.6 / view.camera.zoom);
    c.setLineDash([]);
    c.stroke();
    for (const [fill, rects] of this.fills) {
      c.fillStyle = fill;
      for (const rect of rects) c.fillRect(...rect);
    }
    const pixel = 1 / view.camera.zoom;
    c.strokeStyle = c.fillStyle = view.theme.mark;
    c.lineWidth = 2 * pixel;
    for (const rect of this.strong) c.strokeRect(...rect);
    for (const [x, y, colour] of this.dots) {
      c.fillStyle = colour;
      c.fillRect(x - 2 * pixel, y - 2 * pixel, 4 * pixel, 4 * pixel);
    }
  }

  private inside(inside: Inside, x: number, y: number): void {
    for (const box of inside.boxes) {
      const rect: Rect = [x + box.corner[0], y + box.corner[1], box.size[0], box.size[1]];
      if (rect[0] > this.seen[2] || rect[0] + rect[2] < this.seen[0] || rect[1] > this.seen[3] || rect[1] + rect[3] < this.seen[1]) continue;
      this.box(box, rect);
    }
    this.lines(inside, x, y);
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
    const fill = this.fillOf(part);
    const found = this.fills.get(fill);
    if (found) found.push(rect);
    else this.fills.set(fill, [rect]);
  }

  private lines(inside: Inside, x: number, y: number): void {
    const { context: c, view } = this;
    for (const { points } of inside.routes) {
      const [first, end] = [points[0], points[points.length - 1]];
      if (y + first[1] > this.seen[3] || y + end[1] < this.seen[1]) continue;
      if (Math.abs(end[0] - first[0]) + Math.abs(end[1] - first[1]) < SHORT / view.camera.zoom) continue;
      c.moveTo(x + first[0], y + first[1]);
      for (const point of points) if (point !== first) c.lineTo(x + point[0], y + point[1]);
    }
  }
}
