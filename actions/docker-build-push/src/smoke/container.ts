import type { StoredImage } from './oci-layout.ts';

/** What a container may use of the machine. */
export interface Limits {
  memoryBytes: number;
  pids: number;
  /** Processors, such as 1.5. */
  cpus: number;
}

export interface Start {
  image: StoredImage;
  /** Where it listens unless `$PORT` says otherwise. */
  port: number;
  env: Record<string, string>;
  limits: Limits;
  /** Sees each line that it writes. */
  onLine: (line: string) => void;
  signal: AbortSignal;
}

/** How a container's first process ended. */
export interface Ending {
  /** 128 and more is a signal's number on top of that. */
  exitCode: number | null;
}

/** For an image that no runtime can start. */
export const startAdvice = "Check the image's ENTRYPOINT, CMD, USER and WORKDIR.";

/** A container that was started. */
export interface Container {
  /** Where this machine reaches it. */
  url: string;
  /** Rejects with a UserError where the runtime could not start it after all. */
  ended: Promise<Ending>;
  /** Whether a process of it was killed because it wanted more memory than it may use. */
  isOutOfMemory(): Promise<boolean>;
  /** Kills it and removes all that was made for it. */
  remove(): Promise<void>;
}
