import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import { expressions, references } from './expressions.ts';
import type { Resolve } from './library.ts';
import { isString } from './parser.ts';
import { type Problem, problem } from './problem.ts';
import { get, type Job, type Step, type Workflow } from './workflow.ts';

/** Scripts take values through the environment: GitHub puts an expression's value into the script as code. */
export function checkInjection(file: string, steps: Step[]): Problem[] {
  return steps.flatMap(({ body }) =>
    (['run', 'shell'] as const).flatMap((key) => {
      const script = body.find(key);
      // An expression that the parser refused is still text.
      const refused = script && isString(script) && /\$\{\{[\s\S]*?\}\}/.exec(script.value);
      if (refused) return [injection(file, key, script, refused[0])];
      return expressionsOf(script).map((expression) =>
        injection(file, key, expression, `\${{ ${expression.expression} }}`),
      );
    }),
  );
}

function injection(file: string, key: 'run' | 'shell', token: TemplateToken, text: string): Problem {
  return problem(
    'injection',
    file,
    token,
    `'${key}' contains '${text}', whose value becomes part of the ${key === 'run' ? 'script' : 'command'}`,
    key === 'run'
      ? `Set a variable under 'env' to it and read that in the script, quoted: "$NAME".`
      : 'Write the shell itself.',
  );
}

/** Code that others could change without notice is named by its hash. */
export function checkPinning(file: string, jobs: Iterable<Job>, steps: Step[], resolve: Resolve): Problem[] {
  const used = [...[...jobs].map(({ uses }) => uses), ...steps.map(({ uses }) => uses)];
  return used.flatMap((uses) => {
    if (!uses || resolve(uses.value, file) !== undefined) return [];
    const docker = uses.value.startsWith('docker://');
    if (docker ? /@sha256:[0-9a-f]{64}$/.test(uses.value) : /@[0-9a-f]{40}$/.test(uses.value)) return [];
    return [
      problem(
        'pinning',
        file,
        uses,
        `'${uses.value}' is not pinned: its owner can change what runs here at any time`,
        docker
          ? `Name the image by digest, '@sha256:…'.`
          : `Name the commit by its full SHA of 40 digits, with the version in a comment.`,
      ),
    ];
  });
}

/**
 * A workflow that `pull_request_target` starts has the secrets of the base repository, so it must not run what the
 * pull request brings. Called workflows see their caller's event: pass every workflow that such a one reaches.
 */
export function checkHeadCheckout({ file, jobs }: Workflow): Problem[] {
  return [...jobs.values()]
    .flatMap(({ steps }) => steps)
    .flatMap((step) => {
      const place = headCheckout(step);
      if (!place) return [];
      return [
        problem(
          'checkout',
          file,
          place,
          `the code of the pull request is checked out in a run that 'pull_request_target' starts with this repository's secrets`,
          `Use 'pull_request', or check out only the base; whoever opens a pull request controls its code.`,
        ),
      ];
    });
}

function headCheckout({ body, uses, with: values }: Step): TemplateToken | undefined {
  if (uses && /^actions\/checkout@/i.test(uses.value)) {
    return ['ref', 'repository']
      .map((key) => get(values, key))
      .find((value) => value && (readsHead(value) || mentions(value, /refs\/pull\//)));
  }
  const run = body.find('run');
  const script = run && mentions(run, /\bgh\s+pr\s+checkout\b|\brefs\/pull\/|\bpull\/\S+\/(head|merge)\b/);
  return script ? run : undefined;
}

function readsHead(value: TemplateToken): boolean {
  return references(value).some(
    ({ path }) =>
      path.join('.') === 'github.head_ref' ||
      /^github\.event\.pull_request\.(head\b|merge_commit_sha$)/.test(path.join('.')) ||
      path.join('.') === 'github.event.number' ||
      path.join('.') === 'github.event.pull_request.number',
  );
}

function mentions(token: TemplateToken, pattern: RegExp): boolean {
  return pattern.test(
    isString(token)
      ? token.value
      : expressionsOf(token)
          .map(({ source }) => source)
          .join(),
  );
}

function expressionsOf(token: TemplateToken | undefined) {
  return token ? expressions(token) : [];
}
