export interface Frame {
  path: string;
  line: number;
}

/**
 * The places that a traceback names, in its order: pytest's own `path:12: in f` in all its styles, Python's
 * `File "path", line 12`, and both of them behind the `E` of an error's own lines.
 */
export function framesOf(traceback: string): Frame[] {
  return traceback.split('\n').flatMap((text) => {
    const [, path, line] =
      /^(?:E\s)?\s*File "(.+?)", line (\d+)/.exec(text) ??
      /^((?:[A-Za-z]:)?[^\s:>E][^:]*|E[^\s:][^:]*):(\d+):(?:\s|$)/.exec(text) ??
      [];
    return path && line ? [{ path, line: Number(line) }] : [];
  });
}

/** Where a failure is best shown: the last place in the test's own file, otherwise the last in the project's code. */
export function bestFrame(
  frames: readonly Frame[],
  isTests: (path: string) => boolean,
  isProjects: (path: string) => boolean,
): Frame | undefined {
  return frames.findLast(({ path }) => isTests(path)) ?? frames.findLast(({ path }) => isProjects(path));
}
