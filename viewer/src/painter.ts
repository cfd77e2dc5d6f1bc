// Paints what is in view on a canvas: culled by the boxes of open parts, with less detail when far away.
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
const TEXT_FROM = 0.35; // below this zoom, texts are not drawn

export class Painter {
  private largest = 0;

  constructor(private readonly context: CanvasRenderingContext2D) {}

  paint(view: View, width: number, height: number, ratio: number): void {
    const { context: c } = this;
    const { camera, theme } = view;
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.fillStyle = theme.background;
    c.fillRect(0, 0, width + 1, height + 1); // also the last pixels, of which a part is in view
    c.setTransform(ratio * camera.zoom, 0, 0, ratio * camera.zoom, -camera.x * camera.zoom * ratio, -camera.y * camera.zoom * ratio);
    const seen: [number, number, number, number] = [
      camera.x, camera.y, camera.x + width / camera.zoom, camera.y + height / camera.zoom,
    ];
    if (view.by) this.largest = largestOf(view.network, view.root, view.by);
    if (camera.zoom < FAR) new FarPainter(c, view, seen, (part) => this.colours(view, part)[0]).paint();
    else this.inside(view, view.root, 0, 0, seen);
  }

  private inside(view: View, inside: Inside, x: number, y: number, seen: [number, number, number, number]): void {
    const meets = (box: Box) =>
      x + box.corner[0] <= seen[2] && x + box.corner[0] + box.size[0] >= seen[0] &&
      y + box.corner[1] <= seen[3] && y + box.corner[1] + box.size[1] >= seen[1];
    const boxes = inside.boxes.filter(meets);
    for (const box of boxes) if (box.inside) this.frame(view, box, x, y);
    this.routes(view, inside, x, y, seen);
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
    if (view.camera.zoom < TEXT_FROM / 2) return;
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
    const open = view.network.parts[part].level && height > view.network.parts[part].height; // its parts say what changed
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

  private routes(view: View, inside: Inside, x: number, y: number, seen: [number, number, number, number]): void {
    const { context: c } = this;
    const { theme, camera } = view;
    c.strokeStyle = c.fillStyle = theme.wire;
    c.lineWidth = 1.2;
    c.setLineDash([]);
    const heads: Point[] = [];
    c.beginPath();
    for (const route of inside.routes) {
      const first = route.points[0];
      const end = route.points[route.points.length - 1];
      if (y + first[1] > seen[3] || y + end[1] < seen[1]) continue;
      if (route.points.every(([px]) => x + px < seen[0]) || route.points.every(([px]) => x + px > seen[2])) continue;
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
    if (camera.zoom < TEXT_FROM) return;
    c.fillStyle = theme.faint;
    c.font = `9px ${FONT}`;
    c.textAlign = "left";
    for (const [node, corner] of inside.labels) {
      const [lx, ly] = [x + corner[0] + 4, y + corner[1] + 10];
      if (ly >= seen[1] && ly - 10 <= seen[3] && lx <= seen[2] && lx + view.network.nodes[node].labelWidth >= seen[0])
        c.fillText(view.network.nodes[node].shape, lx, ly);
    }
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
    if (view.camera.zoom < TEXT_FROM) return;
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

// The largest value by figure, of the drawings that there are.
const largest = new WeakMap<Inside, Map<string, number>>();

function largestOf(network: Network, root: Inside, by: string): number {
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
