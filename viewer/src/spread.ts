// Positions across the ranks, as netspec/scene/spread.py has them; a test holds the two together.
import type { Plan } from "./protocol";

const SWEEPS = 4;
const MAIN = 1000;

export function total(plan: Plan): number {
  return plan.ranks.reduce((most, row) => row.reduce((m, i) => Math.max(m, i), most), -1) + 1;
}

export function spread(plan: Plan, before: number[], after: number[], gap: number): number[] {
  const count = total(plan);
  const left = [...before, ...new Array<number>(count - before.length).fill(0)];
  const right = [...after, ...new Array<number>(count - after.length).fill(0)];
  const at = new Array<number>(count).fill(0);
  const rows = plan.ranks;
  for (const row of rows) place(row, at, row.map(() => 0), row.map(() => 1), left, right, gap);
  if (rows.some((row) => row.length > 1)) {
    const { above, below, heavy } = mainWays(plan, count);
    const even = new Array<number>(count).fill(1);
    const up = rows.slice(0, -1).reverse();
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const down = sweep % 2 === 0;
      for (const row of down ? rows.slice(1) : up) pull(row, at, down ? above : below, even, left, right, gap);
    }
    for (const row of rows.slice(1)) pull(row, at, above, heavy, left, right, gap);
    straighten(plan, count, at, left, right, gap);
  }
  let lowest = Infinity;
  for (const row of rows) for (const i of row) lowest = Math.min(lowest, at[i] - left[i]);
  return at.map((x) => x - (lowest === Infinity ? 0 : lowest));
}

function mainWays(plan: Plan, count: number) {
  const aboveAll: number[][] = Array.from({ length: count }, () => []);
  const belowAll: number[][] = Array.from({ length: count }, () => []);
  for (const [a, b] of plan.links) {
    aboveAll[b].push(a);
    belowAll[a].push(b);
  }
  const items = plan.ranks.flat();
  const down = new Array<number>(count).fill(0);
  const up = new Array<number>(count).fill(0);
  const longest = (near: number[], along: number[]) => near.reduce((most, j) => Math.max(most, along[j]), 0);
  for (const i of items) down[i] = (i < plan.count ? 1 : 0) + longest(aboveAll[i], down);
  for (const i of [...items].reverse()) up[i] = (i < plan.count ? 1 : 0) + longest(belowAll[i], up);
  const kept = (near: number[], along: number[]) => {
    const most = Math.max(...near.map((j) => along[j]));
    return near.filter((j) => along[j] === most);
  };
  const above = aboveAll.map((near) => kept(near, down));
  const below = belowAll.map((near) => kept(near, up));
  const heavy = new Array<number>(count).fill(MAIN);
  for (const i of items) {
    if (!above[i].length) continue;
    const weights = above[i].filter((j) => below[j].includes(i)).map((j) => heavy[j]);
    heavy[i] = weights.length ? Math.max(...weights) : 1;
  }
  return { above, below, heavy };
}

function pull(
  row: number[], at: number[], near: number[][], weights: number[], left: number[], right: number[], gap: number,
): void {
  const wanted = row.map((i) => (near[i].length ? near[i].reduce((sum, j) => sum + at[j], 0) / near[i].length : at[i]));
  place(row, at, wanted, row.map((i) => (near[i].length ? weights[i] : 0.1)), left, right, gap);
}

function place(
  row: number[], at: number[], wanted: number[], weights: number[], left: number[], right: number[], gap: number,
): void {
  const offsets = [0];
  for (let k = 1; k < row.length; k++) offsets.push(offsets[k - 1] + (right[row[k - 1]] + gap + left[row[k]]));
  const pools: [number, number, number][] = [];
  wanted.forEach((want, k) => {
    pools.push([want - offsets[k], weights[k], 1]);
    while (pools.length > 1 && pools[pools.length - 2][0] > pools[pools.length - 1][0]) {
      const [mean, heavy, many] = pools.pop()!;
      const before = pools[pools.length - 1];
      const joined = before[1] + heavy;
      pools[pools.length - 1] = [(before[0] * before[1] + mean * heavy) / joined, joined, before[2] + many];
    }
  });
  let k = 0;
  for (const [mean, , many] of pools) for (let n = 0; n < many; n++, k++) at[row[k]] = mean + offsets[k];
}

function straighten(plan: Plan, count: number, at: number[], left: number[], right: number[], gap: number): void {
  const before = new Map<number, number>();
  const behind = new Map<number, number>();
  for (const row of plan.ranks)
    row.forEach((item, k) => {
      if (k) before.set(item, row[k - 1]);
      if (k + 1 < row.length) behind.set(item, row[k + 1]);
    });
  const fits = (item: number, x: number) => {
    const b = before.get(item);
    const a = behind.get(item);
    return (
      (b === undefined || at[b] + right[b] + gap + left[item] <= x + 0.01) &&
      (a === undefined || x + right[item] + gap + left[a] <= at[a] + 0.01)
    );
  };
  let bent = chains(plan, count);
  for (let sweep = 0; sweep < SWEEPS; sweep++) { // one that moves away makes room for the next
    const still: number[][] = [];
    for (const chain of bent) {
      const places = chain.map((i) => at[i]);
      const x = [Math.max(...places), Math.min(...places)].find((x) => chain.every((i) => fits(i, x)));
      if (x === undefined) still.push(chain);
      else for (const i of chain) at[i] = x;
    }
    if (still.length === 0 || still.length === bent.length) break;
    bent = still;
  }
}

function chains(plan: Plan, count: number): number[][] {
  const after = new Map<number, number>();
  for (const [a, b] of plan.links) if (a >= plan.count && b >= plan.count) after.set(a, b);
  const later = new Set(after.values());
  const found: number[][] = [];
  for (let start = plan.count; start < count; start++) {
    if (later.has(start)) continue;
    const chain = [start];
    while (after.has(chain[chain.length - 1])) chain.push(after.get(chain[chain.length - 1])!);
    found.push(chain);
  }
  return found;
}

export function placedBetween(wanted: number[], low: number, high: number, gap: number): number[] {
  const step = Math.min(gap, (high - low) / wanted.length);
  const at = wanted.map((x) => Math.min(Math.max(x, low), high));
  const weights = wanted.map((x) => (Math.abs(x - (low + high) / 2) < 1 ? MAIN : 1));
  const nothing = at.map(() => 0);
  place(at.map((_, i) => i), at, [...at], weights, nothing, nothing, step);
  const last = at.length - 1;
  return at.map((x, i) => Math.min(Math.max(x, low + i * step), high - (last - i) * step));
}
