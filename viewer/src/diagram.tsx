// The diagram: pan, zoom, open and close parts, choose one; by pointer and by keyboard.
import { useEffect, useRef } from "preact/hooks";
import { type Camera, Painter, type View, boxAt, largestOf, placeOf } from "./painter";
import { type ErrorMark, ErrorMarks, placeMarks } from "./errormarks";
import type { Inside } from "./layout";
import type { Finding, Mark, Network } from "./protocol";
import { short } from "./numbers";
import type { Theme } from "./theme";

export interface DiagramProps {
  file: string;
  network: Network;
  root: Inside;
  theme: Theme;
  by: string;
  selected: number | null;
  marked: Set<number>;
  differs: Map<number, Mark>;
  reveal: { parts: number[]; count: number } | null; // brings one of these parts into view, once for each count
  onSelect: (part: number | null) => void;
  onToggle: (part: number) => void;
  onOpenAll: (open: boolean) => void;
  errors: ErrorMark[];
  onGo: (finding: Finding) => void;
}

const BELOW = 40; // pixels below the drawing for the buttons
const MAP = 12; // pixels around the map
const [WHOLE, READABLE] = [0.8, 1]; // zooms: at which a drawing is shown as a whole, and that of larger ones
const ZOOMS: [number, number] = [0.0005, 4];

export function Diagram(props: DiagramProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<HTMLCanvasElement>(null);
  const camera = useRef<Camera | null>(null);
  const mapped = useRef<{ key: unknown[]; canvas: HTMLCanvasElement } | null>(null);
  const painter = useRef<Painter | null>(null);
  const marks = useRef<HTMLDivElement>(null);
  const asked = useRef(false);
  const refit = useRef<Inside | null>(null); // the drawing that everything was opened or closed in
  const shown = useRef({ file: "", name: "" });
  const painted = useRef<Inside | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const revealed = useRef(-1);

  const view = (at: Camera): View => ({ ...latest.current, camera: at });

  const paint = () => {
    const element = canvas.current;
    if (!element) return;
    const { width, height } = element.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
    if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio);
    const { file, network, root } = latest.current;
    const lost = painted.current !== root && camera.current && outside(root, camera.current, width, height - BELOW);
    const other = shown.current.file !== file && shown.current.name !== network.name; // not another version of the same
    if (!camera.current || lost || other) camera.current = fitted(root, width, height - BELOW);
    shown.current = { file, name: network.name };
    painted.current = root;
    painter.current ??= new Painter(element.getContext("2d")!);
    painter.current.paint(view(camera.current), ratio);
    paintMap(width, height);
    placeMarks(marks.current, latest.current.errors, latest.current.root, camera.current);
  };

  // At most once per frame.
  const later = () => {
    if (asked.current) return;
    asked.current = true;
    requestAnimationFrame(() => {
      asked.current = false;
      paint();
    });
  };

  // The map is painted when the drawing changes, not when it moves.
  const paintMap = (width: number, height: number) => {
    const element = map.current;
    if (!element || !camera.current) return;
    const { root, theme, by, selected, marked, differs } = latest.current;
    const ratio = window.devicePixelRatio || 1;
    const zoom = mapZoom(root);
    const size = [root.size[0], root.size[1]].map((side) => Math.max(24, (side + 40) * zoom));
    const key = [root, theme, by, selected, marked, differs, ratio];
    const old = mapped.current;
    if (!old || key.some((value, i) => value !== old.key[i])) {
      const canvas = document.createElement("canvas");
      canvas.width = element.width = Math.ceil(size[0] * ratio);
      canvas.height = element.height = Math.ceil(size[1] * ratio);
      element.style.width = `${size[0]}px`;
      element.style.height = `${size[1]}px`;
      new Painter(canvas.getContext("2d")!).paint(view({ x: -20, y: -20, zoom }), ratio);
      mapped.current = { key, canvas };
    }
    const c = element.getContext("2d")!;
    const { x, y, zoom: seen } = camera.current;
    const whole = x <= 0 && y <= 0 && x + width / seen >= root.size[0] && y + height / seen >= root.size[1];
    element.style.visibility = whole ? "hidden" : "visible";
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(mapped.current!.canvas, 0, 0);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.lineWidth = 1.5;
    c.strokeStyle = theme.mark;
    const inside = (place: number, most: number) => Math.min(Math.max(place, 1), most - 1);
    const [left, right] = [x, x + width / seen].map((place) => inside((place + 20) * zoom, size[0]));
    const [top, bottom] = [y, y + height / seen].map((place) => inside((place + 20) * zoom, size[1]));
    c.strokeRect(left, top, right - left, bottom - top);
  };

  const move = (change: (at: Camera, width: number, height: number) => Camera) => {
    const { width, height } = canvas.current!.getBoundingClientRect();
    if (camera.current) camera.current = change(camera.current, width, height);
    later();
  };

  const zoomAt = (factor: number, px: number, py: number) =>
    move((at) => {
      const zoom = Math.min(Math.max(at.zoom * factor, ZOOMS[0]), ZOOMS[1]);
      return { zoom, x: at.x + px / at.zoom - px / zoom, y: at.y + py / at.zoom - py / zoom };
    });

  const fit = () => move((_, width, height) => fitted(latest.current.root, width, height - BELOW));

  const fitAll = () =>
    move((_, width, whole) => {
      const [w, h] = latest.current.root.size;
      const height = whole - BELOW;
      const zoom = Math.min(1.2, width / (w + 48), height / (h + 48));
      return { zoom, x: w / 2 - width / zoom / 2, y: h / 2 - height / zoom / 2 };
    });

  const openAll = (open: boolean) => {
    refit.current = props.root;
    props.onOpenAll(open);
  };

  // Nothing moves where one of the parts is in view. Of a part that is larger than the view, the upper edge comes there.
  const bring = (parts: number[]) => {
    const places = parts.flatMap((part) => [placeOf(latest.current.root, part)].filter((place) => place !== null));
    if (!places.length) return;
    move((at, width, height) => {
      const [right, bottom] = [at.x + width / at.zoom, at.y + (height - BELOW) / at.zoom];
      const inView = places.some(([x, y, w, h]) => x >= at.x && y >= at.y && x + w <= right && y + Math.min(h, bottom - at.y - 24) <= bottom);
      if (inView && at.zoom >= 0.4) return at;
      const [x, y, w, h] = places[0];
      const zoom = Math.max(at.zoom, Math.min(1, width / (w + 80), height / (h + 80)));
      return { zoom, x: x + w / 2 - width / zoom / 2, y: h * zoom > height - BELOW ? y - 24 : y + h / 2 - height / zoom / 2 };
    });
  };

  useEffect(() => {
    later();
    if (refit.current && refit.current !== props.root) {
      refit.current = null;
      fit();
    }
    if (props.reveal && props.reveal.count !== revealed.current) {
      revealed.current = props.reveal.count;
      bring(props.reveal.parts);
    }
  });

  useEffect(() => {
    const element = canvas.current!;
    const watcher = new ResizeObserver(later);
    watcher.observe(element);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) zoomAt(Math.exp(-event.deltaY / 200), event.clientX - box.x, event.clientY - box.y);
      else move((at) => ({ ...at, x: at.x + event.deltaX / at.zoom, y: at.y + event.deltaY / at.zoom }));
    };
    const restored = () => {
      painter.current = null;
      later();
    };
    element.addEventListener("wheel", wheel, { passive: false });
    element.addEventListener("contextrestored", restored); // an empty canvas
    return () => {
      watcher.disconnect();
      element.removeEventListener("wheel", wheel);
      element.removeEventListener("contextrestored", restored);
    };
  }, []);

  const at = (event: PointerEvent | MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const { x, y, zoom } = camera.current!;
    return boxAt(latest.current.root, x + (event.clientX - box.x) / zoom, y + (event.clientY - box.y) / zoom);
  };

  // Pointers that are down: one drags the drawing, two also zoom it.
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const drag = useRef<{ x: number; y: number; moved: boolean } | null>(null);
  const down = (event: PointerEvent) => {
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    drag.current = { x: event.clientX, y: event.clientY, moved: pointers.current.size > 1 };
    canvas.current!.setPointerCapture(event.pointerId);
  };
  const pinched = (event: PointerEvent) => {
    const [a, b] = pointers.current.values();
    const before = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) };
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [c, d] = pointers.current.values();
    const after = { x: (c.x + d.x) / 2, y: (c.y + d.y) / 2, apart: Math.hypot(c.x - d.x, c.y - d.y) };
    const box = canvas.current!.getBoundingClientRect();
    move((at) => ({ ...at, x: at.x - (after.x - before.x) / at.zoom, y: at.y - (after.y - before.y) / at.zoom }));
    if (before.apart > 0) zoomAt(after.apart / before.apart, after.x - box.x, after.y - box.y);
  };
  const dragged = (event: PointerEvent) => {
    const from = drag.current;
    if (!from) return;
    if (pointers.current.size === 2) return pinched(event);
    if (pointers.current.has(event.pointerId)) pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.moved && Math.abs(dx) + Math.abs(dy) < 4) return;
    drag.current = { x: event.clientX, y: event.clientY, moved: true };
    move((c) => ({ ...c, x: c.x - dx / c.zoom, y: c.y - dy / c.zoom }));
  };
  const up = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
    if (event.type === "pointerup" && drag.current && !drag.current.moved) props.onSelect(at(event)?.part ?? null);
    const [left] = pointers.current.values();
    drag.current = left ? { ...left, moved: true } : null;
  };

  const keys = (event: KeyboardEvent) => {
    const step = 60;
    const pan: Record<string, [number, number]> = {
      ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step],
    };
    if (pan[event.key]) move((c) => ({ ...c, x: c.x + pan[event.key][0] / c.zoom, y: c.y + pan[event.key][1] / c.zoom }));
    else if (event.key === "+" || event.key === "=") move((c, w, h) => zoomed(c, 1.25, w / 2, h / 2));
    else if (event.key === "-") move((c, w, h) => zoomed(c, 0.8, w / 2, h / 2));
    else if (event.key === "0") fit();
    else if (event.key === "9") fitAll();
    else if (event.key === "1") move((c, w, h) => zoomed(c, 1 / c.zoom, w / 2, h / 2));
    else if (event.key === "Escape") props.onSelect(null);
    else return;
    event.preventDefault();
  };

  return (
    <div class="diagram">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`Diagram of ${props.network.name}. The outline beside it lists its parts.`}
        onPointerDown={down}
        onPointerMove={dragged}
        onPointerUp={up}
        onPointerCancel={up}
        onDblClick={(event) => {
          const box = at(event);
          if (box) props.onToggle(box.part);
        }}
        onKeyDown={keys}
      />
      <canvas
        ref={map} class="map" aria-hidden="true"
        onClick={(event) => {
          const zoom = mapZoom(latest.current.root);
          const [x, y] = [event.offsetX / zoom - 20, event.offsetY / zoom - 20];
          move((c, width, height) => ({ ...c, x: x - width / c.zoom / 2, y: y - height / c.zoom / 2 }));
        }}
      />
      {props.by && <Legend network={props.network} root={props.root} theme={props.theme} by={props.by} />}
      <ErrorMarks marks={props.errors} host={marks} onGo={props.onGo} />
      <div class="zoom">
        <button type="button" title="Zoom in (+)" onClick={() => move((c, w, h) => zoomed(c, 1.25, w / 2, h / 2))}>+</button>
        <button type="button" title="Zoom out (-)" onClick={() => move((c, w, h) => zoomed(c, 0.8, w / 2, h / 2))}>−</button>
        <button type="button" title="Fit the width (0)" onClick={fit}>Fit</button>
        <button type="button" title="Show everything (9)" onClick={fitAll}>Fit all</button>
        <button type="button" onClick={() => openAll(true)}>Open all</button>
        <button type="button" onClick={() => openAll(false)}>Close all</button>
      </div>
    </div>
  );
}

// What the colors mean.
function Legend(props: { network: Network; root: Inside; theme: Theme; by: string }) {
  const most = largestOf(props.network, props.root, props.by);
  const colors = props.theme.scale.map((color) => `rgb(${color.join()})`);
  return (
    <div class="legend">
      {props.by === "params" ? "parameters" : props.by === "macs" ? "MACs" : props.by} 0
      <span style={{ background: `linear-gradient(to right, ${colors.join()})` }} />
      {props.by === "memory" ? `${short(most)}B` : short(most)}
    </div>
  );
}

// Whether nothing of the drawing is in view.
function outside(root: Inside, at: Camera, width: number, height: number): boolean {
  return at.x > root.size[0] || at.y > root.size[1] || at.x + width / at.zoom < 0 || at.y + height / at.zoom < 0;
}

// The whole drawing in a corner: at most 160 x 260 pixels.
function mapZoom(root: Inside): number {
  return Math.min(160 / (root.size[0] + 40), 260 / (root.size[1] + 40), 0.5);
}

function zoomed(at: Camera, factor: number, px: number, py: number): Camera {
  const zoom = Math.min(Math.max(at.zoom * factor, ZOOMS[0]), ZOOMS[1]);
  return { zoom, x: at.x + px / at.zoom - px / zoom, y: at.y + py / at.zoom - py / zoom };
}

// The whole width, or what is readable of it, from the top; beside the map, where that is shown.
function fitted(root: Inside, width: number, height: number): Camera {
  const [w, h] = root.size;
  const whole = Math.min(width / (w + 48), height / (h + 48));
  const zoomIn = (room: number) => Math.min(1.2, whole >= WHOLE ? whole : Math.max(whole, Math.min(READABLE, room / (w + 48))));
  const fits = (h + 48) * zoomIn(width) < height + 1;
  const room = fits ? width : width - (w + 40) * mapZoom(root) - MAP;
  const zoom = zoomIn(room);
  return { zoom, x: w / 2 - room / zoom / 2, y: fits ? h / 2 - height / zoom / 2 : -24 };
}
