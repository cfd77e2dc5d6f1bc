// What Python sends: see netspec/page/document.py.

export type Point = [number, number];

export interface Edit {
  start: number;
  end: number;
  text: string;
}

export interface Fix {
  title: string;
  safe: boolean;
  edits: Edit[];
}

export interface Finding {
  code: string;
  severity: "error" | "warning";
  message: string;
  start: number | null;
  end: number | null;
  line: number | null;
  notes: string[];
  helps: string[];
  fixes: Fix[];
  elsewhere: string;
}

export interface NodeData {
  name: string;
  kind: string;
  section: string;
  shape: string;
  labelWidth: number;
  inputs: number[];
  start: number | null;
  end: number | null;
  figures: [string, string][];
  formulas: [string, string][]; // what is computed, and how
  field: FieldData | null;
  describe: string;
}

// A receptive field on the input: see netspec/page/field.py.
export interface FieldData {
  input: string;
  sizes: number[];
  axes: FieldAxis[]; // empty: the whole input
}

export interface FieldAxis {
  size: number;
  stride: string;
  count: number; // positions of the output
  first: Point; // what output position 0 depends on, from its first to its last position in the input
  second: Point | null;
  middle: Point; // that of output position `position`
  position: number;
}

export interface Plan {
  count: number;
  ranks: number[][];
  links: Point[];
  paths: number[][];
}

export interface LevelData {
  wires: [number, number, number][];
  entries: number[];
  exits: number[];
  plan: number;
}

export interface PartData {
  name: string;
  start: number;
  stop: number;
  count: number;
  head: string;
  headWidth: number;
  bold: string;
  plain: string;
  small: string[];
  width: number;
  height: number;
  section: string;
  aux: boolean;
  output: boolean;
  frame: boolean; // open at first whatever is folded: rounds of several layers, the body of windows
  values: Record<string, number>;
  figures: [string, string][];
  span: [number | null, number | null]; // of the call of a block, or of what is written together, if it is in this text
  members: number[];
  level: LevelData | null;
}

export interface Network {
  name: string;
  summary: string;
  totals: [string, string][];
  parameters: Record<string, number | boolean | string>;
  nodes: NodeData[];
  parts: PartData[];
  plans: Plan[];
  depth: number;
}

export interface Document {
  file: string;
  text: string;
  version: string;
  network: Network | null;
  findings: Finding[];
  library: boolean;
  comparison?: Comparison | null;
}

// What differs from another spec: see netspec/page/comparison.py.
export type ChangeKind = "added" | "removed" | "changed" | "affected";

export interface Comparison {
  other: string; // its file
  equal: boolean;
  totals: [string, string, string, string][]; // title, there, here, by how much
  counts: string[];
  rows: ChangeRow[];
  more: number; // rows left out
  marks: Mark[];
}

export interface ChangeRow {
  kind: ChangeKind;
  level: number;
  name: string;
  words: string;
  params: string; // by how many
  macs: string;
  part: number | null; // where it is drawn; what was removed is after it
}

export interface Mark {
  part: number;
  kind: ChangeKind | "";
  words: string;
  removed: string[]; // what was after this part
}

export interface Start {
  mode: "live" | "static";
  token: string;
  documents: Document[];
  runs: RunData[];
  words: string[];
  comparisons: Record<string, Record<string, Comparison>>; // of a page that nobody answers: by the file shown, and the other
  site?: Site;
}

export interface Entry {
  file: string;
  title: string;
  year: number | null;
  params: number | null;
  layers: number | null;
  library: boolean;
}

// A playground: see netspec/playground/site.py. Names of files are relative to the page.
export interface Site {
  worker: string; // its text
  archive: string;
  pyodide: string;
  bytes: number; // of what the worker fetches, beside scripts
  untitled: string;
  install: string;
  netspec: string;
  links: [string, string][];
  gallery: Entry[];
}

// A run of `netspec train`: see netspec/server/run_folders.py. Its spec is the document of its name.
export interface RunData {
  name: string;
  columns: Record<string, (number | null)[]>; // epoch, step, seconds, lr, train_loss, validation_loss, …
  best: number | null; // the row of the epoch whose weights are kept
  state: "running" | "finished" | "stopped";
  data: string;
  counts: Record<string, number>;
  parts: string[];
  device: string;
  test: Record<string, number> | null;
  advice: string; // what the curves suggest
  review: Review | null;
}

// Scores on held-out examples, and the examples most wrong: see netspec/training/review.py.
export interface Review {
  part: string;
  data: string;
  kind: "classes" | "positions" | "labels" | "values" | "input";
  examples: number;
  wrong: number;
  scores: Record<string, number>;
  classes: string[];
  confusion: number[][] | null; // rows: true labels
  confused: [number, number, number][];
  labels: [number, number, number, number][]; // examples, predicted, right, all
  mistakes: Mistake[];
  warnings: string[];
  stale: boolean; // of other weights than the best ones there are now
}

export interface Mistake {
  index: number;
  name: string;
  loss: number | null;
  truth: string;
  predicted: string;
  classes: [number, number] | null;
  confidence: number | null;
  of_truth: number | null;
  share: number | null;
  picture: string | null;
  output: string | null;
  values: string;
}

export interface Problem {
  message: string;
  notes: string[];
  helps: string[];
}

// What the process that reviews a run says, line by line.
export interface ReviewLine {
  done?: number;
  of?: number;
  review?: Review;
  errors?: Problem[];
}
