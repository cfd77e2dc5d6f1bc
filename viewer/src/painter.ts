// Paints what is in view on a canvas: culled by the boxes of open parts, with less detail when far away.
import { type Rect, type Seen, within } from "./cells";
import { FAR, FarPainter } from "./far";
import { type Box, type Inside, STACK } from "./layout";
import type { Mark, Network, PartData, Point } from "./protocol";
import { type Theme, inkOn, onScale } from "./theme";

export interface Camera {
  x: number; // the point of the drawing in the upper left corner of the canvas
  y: number;
  zoom: number;
}

export interface View {
  network: Network;
  root: Inside;
  camera: Camera;
  theme: Theme;
  by: string;
  selected: number | null; // a part
  marked: Set<number>; // parts found, or under the cursor of the editor
  differs: Map<number, Mark>; // parts that differ from the other spec
}

const FONT = "Arimo, Arial, 'Liberation Sans', Helvetica, sans-serif";
const ARROW = 6;
const AROUND = 20; // pixels that signs, borders and shadows reach beyond their box

export class Painter {
  private largest = 0;
  private last: { view: View; x: number; y: number; ratio: number; size: string } | null = null;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  // Where the drawing only moves, what is painted moves, and the edges that come into view are painted.
  paint(view: View, ratio: number): void {
    const { context: c } = this;
    const { width, height } = c.canvas;
    const scale = ratio * view.camera.zoom;
    const [x, y, size] = [Math.round(view.camera.x * scale), Math.round(view.camera.y * scale), `${width} ${height}`];
    if (view.by) this.largest = largestOf(view.network, view.root, view.by);
    const { last } = this;
    this.last = { view, x, y, ratio, size };
    const moved = last && last.ratio === ratio && last.size === size && alike(last.view, view);
    const [dx, dy] = moved ? [x - last.x, y - last.y] : [width, height];
    if (Math.abs(dx) >= width || Math.abs(dy) >= height) return this.region(view, scale, x, y, [0, 0, width, height]);
    if (!dx && !dy) return;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(c.canvas, -dx, -dy);
    if (dx) this.region(view, scale, x, y, dx > 0 ? [width - dx, 0, width, height] : [0, 0, -dx, height]);
    if (dy) this.region(view, scale, x, y, dy > 0 ? [0, height - dy, width, height] : [0, 0, width, -dy]);
  }

  // A rectangle of pixels; (x, y) is where the canvas begins in the drawing, in pixels.
  private region(view: View, scale: number, x: number, y: number, [left, top, right, bottom]: Rect): void {
    const { context: c } = this;
    c.save();
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.beginPath();
    c.rect(left, top, right - left, bottom - top);
    c.clip();
    c.fillStyle = view.theme.background;
    c.fillRect(left, top, right - left, bottom - top);
    c.setTransform(scale, 0, 0, scale, -x, -y);
    const seen = [x + left - AROUND, y + top - AROUND, x + right + AROUND, y + bottom + AROUND].map((p) => p / scale) as Rect;
    if (view.camera.zoom < FAR) new FarPainter(c, view, seen, (part) => this.colours(view, part)).paint();
    else this.inside(view, view.root, 0, 0, seen);
    c.restore();
  }

  private inside(view: View, inside: Inside, x: number, y: number, seen: Rect): void {
    const found = within(view.network, inside, x, y, seen);
    const { boxes } = found;
    for (const box of boxes) if (box.inside) this.frame(view, box, x, y);
    this.routes(view, found, x, y);
    for (const box of boxes) {
      if (box.inside) this.inside(view, box.inside, x + box.corner[0], y + box.corner[1], seen);
      else this.box(view, box, x + box.corner[0], y + box.corner[1]);
    }
  }

  private frame(view: View, box: Box, x: number, y: number): void {
    const { context: c } = this;
    const { theme } = view;
    const part = view.network.parts[box.part];
    c.beginPath();
    c.roundRect(x + box.corner[0], y + box.corner[1], box.size[0], box.size[1], 6);
    c.fillStyle = theme.frameFill;
    c.fill();
    this.outline(view, box.part, theme.frame, 1);
    this.change(view, box.part, x + box.corner[0], y + box.corner[1], box.size);
    c.fillStyle = theme.faint;
    c.font = `bold 11px ${FONT}`;
    c.textAlign = "left";
    c.fillText(part.head, x + box.corner[0] + 9, y + box.corner[1] + 15);
  }

  private outline(view: View, part: number, colour: string, width: number): void {
    const { context: c } = this;
    const strong = view.selected === part || view.marked.has(part);
    c.strokeStyle = strong ? view.theme.mark : colour;
    c.lineWidth = strong ? 2.5 : width;
    c.stroke();
  }

  // How a part differs from the other spec: + added, ~ changed at its upper corner, − at the lower one for what was after it.
  private change(view: View, part: number, x: number, y: number, [width, height]: Point): void {
    const mark = view.differs.get(part);
    if (!mark) return;
    const { changes } = view.theme;
    const { level, count, height: closed } = view.network.parts[part];
    const open = level && count === 1 && height > closed; // its parts say what changed; of rounds, one is drawn
    if (mark.kind === "added" || (mark.kind === "changed" && !open)) {
      this.context.strokeStyle = changes[mark.kind];
      this.context.lineWidth = 2.5;
      if (!open) this.context.stroke(); // the outline again
      this.badge(view, mark.kind === "added" ? "+" : "~", changes[mark.kind], x + width, y);
    }
    if (mark.removed.length) this.badge(view, "−", changes.removed, x + width, y + height);
  }

  private badge(view: View, sign: string, colour: string, x: number, y: number): void {
    const { context: c } = this;
    const radius = Math.max(7, 3 / view.camera.zoom);
    c.beginPath();
    c.arc(x - 2, y, radius, 0, 2 * Math.PI);
    c.fillStyle = colour;
    c.fill();
    c.font = `bold ${1.9 * radius}px ${FONT}`;
    c.textAlign = "center";
    c.textBaseline = "middle";
    c.fillStyle = view.theme.background;
    c.fillText(sign, x - 2, y + 0.5);
    c.textBaseline = "alphabetic";
  }

  private routes(view: View, found: Seen, x: number, y: number): void {
    const { context: c } = this;
    const { theme } = view;
    c.strokeStyle = c.fillStyle = theme.wire;
    c.lineWidth = 1.2;
    c.setLineDash([]);
    const heads: Point[] = [];
    c.beginPath();
    for (const route of found.routes) {
      const first = route.points[0];
      const end = route.points[route.points.length - 1];
      let [px, py] = [x + first[0], y + first[1]];
      c.moveTo(px, py);
      route.points.slice(1).forEach(([ax, ay], k) => {
        const last = k === route.points.length - 2 && route.arrow;
        const [nx, ny] = [x + ax, y + ay - (last ? ARROW : 0)];
        if (Math.abs(nx - px) < 0.5) c.lineTo(nx, ny);
        else c.bezierCurveTo(px, (py + ny) / 2, nx, (py + ny) / 2, nx, ny);
        [px, py] = [nx, ny];
      });
      if (route.arrow) heads.push([x + end[0], y + end[1]]);
    }
    c.stroke();
    c.beginPath();
    for (const [ax, ay] of heads) {
      c.moveTo(ax, ay);
      c.lineTo(ax - 3, ay - ARROW);
      c.lineTo(ax + 3, ay - ARROW);
      c.closePath();
    }
    c.fill();
    c.fillStyle = theme.faint;
    c.font = `9px ${FONT}`;
    c.textAlign = "left";
    for (const [node, corner] of found.labels) c.fillText(view.network.nodes[node].shape, x + corner[0] + 4, y + corner[1] + 10);
  }

  private box(view: View, box: Box, x: number, y: number): void {
    const { context: c } = this;
    const { network } = view;
    const part = network.parts[box.part];
    const [fill, border, ink] = this.colours(view, part);
    if (part.count > 1) {
      c.beginPath();
      c.roundRect(x + STACK, y + STACK, part.width, part.height, 5);
      c.fillStyle = fill;
      c.fill();
      c.strokeStyle = border;
      c.lineWidth = 1;
      c.stroke();
    }
    c.beginPath();
    c.roundRect(x, y, part.width, part.height, 5);
    c.fillStyle = fill;
    c.fill();
    c.setLineDash(part.aux ? [4, 3] : []);
    this.outline(view, box.part, border, 1);
    c.setLineDash([]);
    this.change(view, box.part, x, y, [part.width, part.height]);
    c.textAlign = "left";
    c.fillStyle = ink;
    c.font = `bold 11px ${FONT}`;
    const bold = c.measureText(part.bold).width;
    c.font = `11px ${FONT}`;
    const plain = part.plain ? ` ${part.plain}` : "";
    const left = x + (part.width - bold - c.measureText(plain).width) / 2;
    c.fillText(plain, left + bold, y + 16);
    c.font = `bold 11px ${FONT}`;
    c.fillText(part.bold, left, y + 16);
    c.textAlign = "center";
    c.font = `9px ${FONT}`;
    c.globalAlpha = 0.8;
    part.small.forEach((line, i) => c.fillText(line, x + part.width / 2, y + 16 + 12 * (i + 1)));
    c.globalAlpha = 1;
  }

  private colours(view: View, part: PartData): [string, string, string] {
    const { theme } = view;
    const [fill, border] = theme.fills[part.section] ?? theme.fills.Shape;
    if (part.output || part.section === "input") return [fill, border, inkOn(fill)];
    if (!view.by) return [fill, border, theme.ink];
    const colour = onScale(theme, this.largest ? (part.values[view.by] ?? 0) / this.largest : 0);
    return [colour, theme.frame, inkOn(colour)];
  }
}

// Whether two views differ by where they are looked at from, at most.
function alike(a: View, b: View): boolean {
  return (
    a.camera.zoom === b.camera.zoom && a.network === b.network && a.root === b.root && a.theme === b.theme && a.by === b.by &&
    a.selected === b.selected && a.marked === b.marked && a.differs === b.differs
  );
}

// The largest value by figure, of the drawings that there are.
const largest = new WeakMap<Inside, Map<string, number>>();

export function largestOf(network: Network, root: Inside, by: string): number {
  const known = largest.get(root) ?? new Map<string, number>();
  largest.set(root, known);
  const value = known.get(by) ?? largestValue(network, root, by);
  known.set(by, value);
  return value;
}

function largestValue(network: Network, inside: Inside, by: string): number {
  return inside.boxes.reduce(
    (most, box) => Math.max(most, box.inside ? largestValue(network, box.inside, by) : network.parts[box.part].values[by] ?? 0),
    0,
  );
}

// The innermost box at a point of the drawing.
export function boxAt(inside: Inside, px: number, py: number): Box | null {
  for (const box of inside.boxes) {
    const [x, y] = [px - box.corner[0], py - box.corner[1]];
    if (x >= 0 && y >= 0 && x <= box.size[0] && y <= box.size[1]) return (box.inside && boxAt(box.inside, x, y)) || box;
  }
  return null;
}

// Where the box of a part stands in the drawing: [x, y, width, height].
export function placeOf(inside: Inside, part: number, x = 0, y = 0): [number, number, number, number] | null {
  for (const box of inside.boxes) {
    const [bx, by] = [x + box.corner[0], y + box.corner[1]];
    if (box.part === part) return [bx, by, box.size[0], box.size[1]];
    const found = box.inside && placeOf(box.inside, part, bx, by);
    if (found) return found;
  }
  return null;
}
