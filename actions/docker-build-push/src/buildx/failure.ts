import { relative, resolve, sep } from 'node:path';
import { type Place, UserError } from '@mlops/core';

/** What is known of a build that failed, from what it printed. */
export interface BuildFailure {
  error: UserError;
  /** Whether another try may end differently: a registry or the network that failed for a while. */
  isTransient: boolean;
}

interface Where {
  workspace: string;
  workingDirectory: string;
  /** Absolute path of the Dockerfile, where it is a file here. */
  dockerfile: string | undefined;
}

interface Rule {
  pattern: RegExp;
  message: (match: RegExpExecArray) => string;
  advice: string;
  isTransient?: boolean;
}

const registryOf = (text: string) =>
  (/https?:\/\/([^/\s"]+)/.exec(text) ?? /failed to push ([^/\s]+)\//.exec(text))?.[1];
const at = (text: string) => {
  const host = registryOf(text);
  return host ? `the registry ${host}` : 'the registry';
};

/** From the specific to the general; the first that matches what BuildKit said last explains the failure. */
const rules: readonly Rule[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    message: () => 'the disk is full',
    advice:
      "Free some of it first ('reclaim-disk: safe' on runners of GitHub), build on a runner with a larger disk, or make the image smaller.",
  },
  {
    pattern: /dockerfile parse error(?: on line \d+)?: (.+)/i,
    message: ([, what]) => `the Dockerfile cannot be read: ${what}`,
    advice: 'Mend the line; https://docs.docker.com/reference/dockerfile/ has all instructions.',
  },
  {
    pattern: /failed to read dockerfile: open ([^:]+): no such file/i,
    message: ([, file]) => `there is no '${file}' in the build context`,
    advice: "Name it with 'file', or set 'serve' to have one written.",
  },
  {
    pattern: /target stage "([^"]+)" could not be found/i,
    message: ([, target]) => `the Dockerfile has no stage '${target}'`,
    advice: "Check the input 'target' against the names after AS.",
  },
  {
    pattern:
      /failed to calculate checksum of ref [^:]+(?:::\S+)?: "([^"]+)": not found|"([^"]+)": not found$/im,
    message: ([, path, other]) => `'${path ?? other}' is not in the build context`,
    advice:
      'Check the path, which is relative to the context, and that no .dockerignore leaves it out; a file that an earlier job made has to be downloaded first.',
  },
  {
    pattern: /process "(.+?)" did not complete successfully: exit code: (\d+)/s,
    message: ([, what, code]) =>
      code === '137'
        ? `'${shortened(what ?? '')}' was killed (exit code 137), most likely since memory ran out`
        : `'${shortened(what ?? '')}' failed with exit code ${code}`,
    advice: '',
  },
  {
    pattern: /secret (\S+): not found|secret not found: (\S+)/i,
    message: ([, id, other]) =>
      `the Dockerfile needs the secret '${id ?? other}', which the build does not have`,
    advice: "Give it with 'secrets', 'secret-envs' or 'secret-files'.",
  },
  {
    pattern: /exec format error/i,
    message: () => 'a program of another architecture was started',
    advice:
      'Build each platform on a runner of its own (the workflow build.yml does), or set up QEMU in an earlier step.',
  },
  {
    pattern: /docker exporter does not currently support exporting manifest lists/i,
    message: () => "Docker's store takes neither attestations nor several platforms",
    advice:
      "Leave 'load' out, or else 'sbom', 'provenance', 'attests' and all but one of 'platforms'; Docker's containerd image store takes them.",
  },
  {
    pattern: /no match for platform in manifest|does not (?:provide|match) the specified platform/i,
    message: () => 'the base image does not exist for this platform',
    advice: "Check 'platforms' against those of the base image.",
  },
  {
    pattern: /(?:quota|storage limit|payment required|402 Payment)[^\n]*/i,
    message: ([text]) => `the registry has no room for this image: ${text.trim()}`,
    advice: 'Remove old images, or raise the limit; then run this again.',
  },
  {
    pattern: /(?:413 )?Request Entity Too Large|unexpected status[^\n]*\b413\b|\b413\b[^\n]*too large/i,
    message: () => 'the registry, or a proxy before it, refuses a layer that large (413)',
    advice:
      "Raise its limit (nginx: client_max_body_size), or split the layer: 'model-image' sends a model in parts.",
  },
  {
    pattern: /toomanyrequests|\b429\b[^\n]*|too many requests/i,
    message: ([text]) => `the registry limits how often it is asked: ${text.trim()}`,
    advice: 'Log in, which raises most limits, or use a mirror for base images (buildkitd-config).',
    isTransient: true,
  },
  {
    pattern: /([^\n]*(?:\b401\b|unauthorized|no basic auth credentials|authentication required)[^\n]*)/i,
    message: ([text]) => `${at(text)} does not know who asks (401)`,
    advice:
      "Log in with 'logins' before this, and check user and token; a token of GitHub needs 'packages: write'.",
  },
  {
    pattern: /([^\n]*(?:\b403\b|insufficient_scope|denied)[^\n]*)/i,
    message: ([text]) => `${at(text)} does not allow it (403): ${reasonOf(text)}`,
    advice:
      "Check the image's name and what the token may do; for ghcr.io the job needs 'permissions: { packages: write }' and the package has to be linked to the repository.",
  },
  {
    pattern: /(\S+): (?:failed to resolve source metadata for \S+: )?\S*: not found/i,
    message: ([, image]) => `the image '${image}' does not exist`,
    advice: 'Check its name and tag in FROM, or log in where it is private.',
  },
  {
    pattern: /failed to resolve source metadata for ([^:\s]+\S*): [^\n]*(?:no such host|server misbehaving)/i,
    message: ([, image]) => `the registry of '${image}' was not found`,
    advice: 'Check the name of its host, and that this machine may reach it.',
    isTransient: true,
  },
  {
    pattern: /x509: [^\n]+|tls: [^\n]+|http: server gave HTTP response to HTTPS client/i,
    message: ([text]) => `the registry cannot be spoken to safely: ${text.trim()}`,
    advice:
      'For a registry with a certificate of your own, or plain http, say so in \'buildkitd-config\': [registry."host"] with ca or http.',
  },
  {
    pattern:
      /([^\n]*(?:\b50[0234]\b|internal server error|bad gateway|service unavailable|gateway time-?out)[^\n]*)/i,
    message: ([text]) => `${at(text)} failed: ${reasonOf(text)}`,
    advice: 'It is not your build: try again later.',
    isTransient: true,
  },
  {
    pattern:
      /([^\n]*(?:connection reset|connection refused|broken pipe|unexpected EOF|\bEOF$|i\/o timeout|TLS handshake timeout|no such host|context deadline exceeded|use of closed network connection)[^\n]*)/im,
    message: ([text]) => `the network failed: ${reasonOf(text)}`,
    advice: 'Check that the registry can be reached from this machine, and try again.',
    isTransient: true,
  },
  {
    pattern: /digest mismatch|failed to verify|unexpected (?:digest|checksum|commit digest)[^\n]*/i,
    message: ([text]) => `what was transferred is not what it should be: ${text.trim()}`,
    advice:
      'A proxy or a mirror between this machine and the registry alters what it passes on: do not use it.',
  },
];

/** Explains a build that failed by the last lines that it printed. */
export function explainFailure(
  lines: readonly string[],
  exitCode: number | null,
  where: Where,
): BuildFailure {
  const text = lines.join('\n');
  const said = lastError(lines);
  // Where a registry gives no reason, buildx's last words have none, and only its log of the step does.
  const [rule, match] = firstMatch(said) ?? firstMatch(lastOutput(lines)) ?? [];
  const message = rule && match ? rule.message(match) : said || `buildx failed with exit code ${exitCode}`;
  const context = [snippetOf(lines), lastOutput(lines)].filter(Boolean).join('\n');
  return {
    error: new UserError(`the image was not built: ${message}${context ? `\n${context}` : ''}`, {
      ...placeOf(text, where),
      advice: rule ? rule.advice || undefined : 'The log above has the whole of it.',
    }),
    isTransient: rule?.isTransient ?? false,
  };
}

function firstMatch(text: string): [Rule, RegExpExecArray] | undefined {
  for (const rule of rules) {
    const match = rule.pattern.exec(text);
    if (match) return [rule, match];
  }
  return undefined;
}

/** What buildx says at its end, `ERROR: failed to build: failed to solve: …`, on one line or several. */
function lastError(lines: readonly string[]): string {
  const at = lines.findLastIndex((line) => /^(?:ERROR|error): /.test(line));
  if (at < 0)
    return lines
      .filter((line) => line.trim())
      .slice(-3)
      .join('\n');
  return lines
    .slice(at)
    .join('\n')
    .replace(/^(?:ERROR|error): /, '')
    .replace(/^(?:failed to build: )?(?:failed to solve: )?/, '');
}

/** The part of the Dockerfile that buildx shows, between two rules, with `>>>` before the lines that failed. */
function snippetOf(lines: readonly string[]): string {
  const start = lines.findLastIndex(
    (line, i) => /^\S+:\d+$/.test(line) && /^-{5,}$/.test(lines[i + 1] ?? ''),
  );
  if (start < 0) return '';
  const length = lines.slice(start + 2).findIndex((line) => /^-{5,}$/.test(line));
  return lines.slice(start + 2, start + 2 + Math.max(length, 0)).join('\n');
}

const shownLines = 15;

/** The last words of the instruction that failed, which buildx repeats below ` > [stage 3/5] RUN …:`. */
function lastOutput(lines: readonly string[]): string {
  const start = lines.findLastIndex((line) => /^ > .*:$/.test(line));
  if (start < 0) return '';
  const length = lines.slice(start + 1).findIndex((line) => /^-{5,}$/.test(line));
  const said = lines.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  return said.slice(-shownLines).join('\n');
}

function placeOf(text: string, { workspace, workingDirectory, dockerfile }: Where): Place {
  const line =
    /^\S+:(\d+)\n-{5,}$/m.exec(text)?.[1] ?? /parse error on line (\d+)/i.exec(text)?.[1] ?? undefined;
  if (!dockerfile) return {};
  const path = relative(workspace, resolve(workingDirectory, dockerfile));
  // One that was written for this build is nowhere in the repository.
  if (path.startsWith('..')) return {};
  return { file: path.split(sep).join('/'), ...(line && { line: Number(line) }) };
}

function reasonOf(text: string): string {
  return shortened(text.trim().split(': ').slice(-3).join(': '));
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** Caches that could not be written, as the log tells of them: `#12 exporting cache to registry` … `#12 ERROR: …`. */
export function failedCaches(lines: readonly string[]): string[] {
  const steps = new Set(lines.flatMap((line) => /^#(\d+) exporting cache to /.exec(line)?.[1] ?? []));
  return lines.flatMap((line) => {
    const [, step, why] = /^#(\d+) (?:ERROR: |.*?(?=error writing|failed to))(.+)$/.exec(line) ?? [];
    return step && why && steps.has(step) ? [why] : [];
  });
}
