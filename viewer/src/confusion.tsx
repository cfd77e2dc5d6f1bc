// A confusion matrix: a table where it can be read, else a picture; one cell at a time is explained, and can be chosen.
import { useEffect, useRef, useState } from "preact/hooks";
import { percent } from "./runs";

export type Cell = [number, number]; // true label, predicted label

const MOST_IN_A_TABLE = 30;
const SIDE = 600;

export interface ConfusionProps {
  classes: string[];
  matrix: number[][];
  dark: boolean;
  chosen: Cell | null;
  onChoose: (cell: Cell | null) => void;
}

export function Confusion(props: ConfusionProps) {
  const [shares, setShares] = useState(false);
  const [over, setOver] = useState<Cell | null>(null);
  const shown = over ?? props.chosen;
  const inner = { ...props, shares, onOver: setOver };
  return (
    <section class="confusion" aria-label="Confusion matrix">
      <h2>Confusion matrix</h2>
      <div class="controls">
        <label><input type="radio" name="cells" checked={!shares} onChange={() => setShares(false)} /> counts</label>
        <label><input type="radio" name="cells" checked={shares} onChange={() => setShares(true)} /> % of the true label</label>
      </div>
      {props.classes.length <= MOST_IN_A_TABLE ? <CellTable {...inner} /> : <CellPicture {...inner} />}
      <p class="hint" aria-live="polite">{shown ? words(props, shown) : "Point at a cell to read it; click it to see its examples alone."}</p>
    </section>
  );
}

type Inner = ConfusionProps & { shares: boolean; onOver: (cell: Cell | null) => void };

const sum = (row: number[]) => row.reduce((a, b) => a + b, 0);

function words(props: ConfusionProps, [i, j]: Cell): string {
  const [n, all] = [props.matrix[i][j], sum(props.matrix[i])];
  const share = all ? ` (${percent(n / all)} of ${all.toLocaleString("en")})` : "";
  return i === j
    ? `${props.classes[i]} predicted right: ${n.toLocaleString("en")}${share}`
    : `${props.classes[i]} predicted as ${props.classes[j]}: ${n.toLocaleString("en")}${share}`;
}

// A share of its row as a color; small shares are to be seen as well.
function shade(share: number, dark: boolean): [string, string] {
  const strength = share > 0 ? 0.06 + 0.94 * Math.sqrt(share) : 0;
  const [from, to] = dark ? [[22, 25, 29], [126, 190, 255]] : [[255, 255, 255], [8, 69, 148]];
  const mixed = from.map((a, k) => Math.round(a + (to[k] - a) * strength));
  const light = 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2] > 140;
  return [`rgb(${mixed.join(",")})`, light ? "#111111" : "#ffffff"];
}

function CellTable(props: Inner) {
  const { classes, matrix, dark, shares } = props;
  const long = Math.max(...classes.map((name) => name.length)) > 3;
  const text = (n: number, all: number) => (!n ? "" : shares ? `${Math.round((100 * n) / all)}` : n.toLocaleString("en"));
  return (
    <div class="scrolled">
      <table class={long ? "cells long" : "cells"} onPointerLeave={() => props.onOver(null)}>
        <caption>rows: true label; columns: predicted label</caption>
        <thead>
          <tr>
            <td />
            {classes.map((name, j) => <th scope="col" key={j}><span>{name}</span></th>)}
          </tr>
        </thead>
        <tbody>
          {matrix.map((row, i) => {
            const all = sum(row);
            return (
              <tr key={i}>
                <th scope="row">{classes[i]}</th>
                {row.map((n, j) => {
                  const [fill, ink] = shade(all ? n / all : 0, dark);
                  const chosen = props.chosen?.[0] === i && props.chosen[1] === j;
                  return (
                    <td key={j} style={{ background: fill, color: ink }} class={i === j ? "diagonal" : ""} onPointerEnter={() => props.onOver([i, j])}>
                      {n > 0 && i !== j ? (
                        <button
                          type="button" aria-pressed={chosen} aria-label={words(props, [i, j])} style={{ color: ink }}
                          onFocus={() => props.onOver([i, j])} onClick={() => props.onChoose(chosen ? null : [i, j])}
                        >
                          {text(n, all)}
                        </button>
                      ) : (
                        text(n, all)
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function CellPicture(props: Inner) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { matrix, dark } = props;
  const side = Math.max(1, Math.floor(SIDE / matrix.length));
  useEffect(() => {
    const context = canvas.current!.getContext("2d")!;
    matrix.forEach((row, i) => {
      const all = sum(row);
      row.forEach((n, j) => {
        context.fillStyle = shade(all ? n / all : 0, dark)[0];
        context.fillRect(j * side, i * side, side, side);
      });
    });
  }, [matrix, dark]);
  const at = (event: MouseEvent): Cell | null => {
    const [j, i] = [Math.floor(event.offsetX / side), Math.floor(event.offsetY / side)];
    return i >= 0 && j >= 0 && i < matrix.length && j < matrix.length ? [i, j] : null;
  };
  return (
    <figure class="cellpicture">
      <figcaption>rows: true label; columns: predicted label</figcaption>
      <canvas
        ref={canvas} width={side * matrix.length} height={side * matrix.length} role="img"
        aria-label={`Confusion matrix of ${matrix.length} classes. The most frequent confusions are listed beside it.`}
        onPointerMove={(e) => props.onOver(at(e))} onPointerLeave={() => props.onOver(null)}
        onClick={(e) => {
          const cell = at(e);
          props.onChoose(cell && cell[0] !== cell[1] && matrix[cell[0]][cell[1]] ? cell : null);
        }}
      />
    </figure>
  );
}
