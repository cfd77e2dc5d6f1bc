// The line below the header: how Python comes, what was saved, errors, and what happens to the file elsewhere.
import type { OnDisk } from "./files";
import { Progress } from "./gallery";
import type { Python } from "./python";

export interface StatusProps {
  python: Python | null;
  bytes: number;
  still: boolean; // of a page that nobody answers: there is no line where there is nothing to say
  message: string;
  trouble: string;
  errors: number;
  stale: boolean;
  disk: OnDisk;
  conflict: OnDisk | null;
  onTake: () => void;
  onKeep: () => void;
}

export function Status(props: StatusProps) {
  const { errors, disk } = props;
  return (
    <div class={props.still ? "status still" : "status"} role="status">
      {props.python && <Progress python={props.python} bytes={props.bytes} />}
      {props.message && <span>{props.message}</span>}
      {props.trouble && <span class="bad">{props.trouble}</span>}
      {errors > 0 && <span class="bad">{errors} error{errors > 1 ? "s" : ""}{props.stale ? "; the diagram is that of the last text that could be read" : ""}</span>}
      {disk.trouble && <span class="bad">{disk.gone ? "The file is no longer on disk: Save writes it anew." : disk.trouble}</span>}
      {props.conflict && (
        <span class="bad">
          The file has changed on disk, and here.{" "}
          <button type="button" onClick={props.onTake}>Take it</button>{" "}
          <button type="button" onClick={props.onKeep}>Keep mine</button>
        </span>
      )}
    </div>
  );
}
