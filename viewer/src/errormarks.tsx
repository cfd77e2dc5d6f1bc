// Errors where they are in the diagram: beside the last layer that is known before them.
import type { RefObject } from "preact";
import type { Inside } from "./layout";
import { type Camera, placeOf } from "./painter";
import type { Finding, Network } from "./protocol";
import { parents, writtenAt } from "./text_and_parts";

export interface ErrorMark {
  finding: Finding;
  parts: number[]; // the part beside which it stands, and those around it
}

const MOST = 8;
const HEIGHT = 26;
const [LEAST, WIDEST] = [320, 340]; // widths

export function errorMarks(network: Network | null, findings: Finding[]): ErrorMark[] {
  if (!network) return [];
  const errors = findings.filter((f) => f.severity === "error" && f.start !== null).slice(0, MOST);
  return errors.map((finding) => ({ finding, parts: partsBefore(network, finding.start!) }));
}

// The part that ends last before an offset, the outermost of those, and those around it; or the part with the offset inside.
function partsBefore(network: Network, offset: number): number[] {
  let [found, latest] = [0, -1];
  network.parts.forEach((_, index) => {
    const [start, end] = (index && writtenAt(network, index)) || [Infinity, Infinity];
    const place = end <= offset ? end : start;
    if (place <= offset && place > latest) [found, latest] = [index, place];
  });
  return found ? [found, ...parents(network, found).filter(Boolean)] : [];
}

export function ErrorMarks(props: { marks: ErrorMark[]; host: RefObject<HTMLDivElement | null>; onGo: (finding: Finding) => void }) {
  return (
    <div class="errormarks" ref={props.host}>
      {props.marks.map(({ finding }, i) => (
        <button type="button" key={i} title={finding.message} onClick={() => props.onGo(finding)}>
          {finding.code}{finding.line ? `, line ${finding.line}` : ""}: {finding.message}
        </button>
      ))}
    </div>
  );
}

// Moves the marks to their parts; called whenever the diagram is painted.
export function placeMarks(host: HTMLDivElement | null, marks: ErrorMark[], root: Inside, camera: Camera): void {
  const taken: [number, number][] = [];
  marks.forEach((mark, i) => {
    const element = host?.children[i] as HTMLElement | undefined;
    if (!element) return;
    const place = mark.parts.map((part) => placeOf(root, part)).find((found) => found !== null) ?? [0, 0, root.size[0], 0];
    const beside = (place[0] + place[2] - camera.x) * camera.zoom + 8;
    const x = Math.min(beside, Math.max(8, host!.clientWidth - LEAST)); // where there is no room beside it, over its edge
    let y = (place[1] + place[3] - camera.y) * camera.zoom - 8 + (x < beside ? HEIGHT / 2 : 0);
    while (taken.some(([left, top]) => Math.abs(left - x) < WIDEST && Math.abs(top - y) < HEIGHT)) y += HEIGHT / 2;
    taken.push([x, y]);
    element.style.maxWidth = `${Math.min(WIDEST, host!.clientWidth - x - 8)}px`;
    element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  });
}
