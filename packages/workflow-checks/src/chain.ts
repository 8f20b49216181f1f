import type { TemplateToken } from '@actions/workflow-parser/templates/tokens/template-token';
import type { Library } from './library.ts';
import { excess, type Permissions, permissionsOf, restrictedDefault } from './permissions.ts';
import { type Place, type Problem, problem } from './problem.ts';
import { get, type Job, type Workflow } from './workflow.ts';

/**
 * Levels of workflows that may be connected, the first caller included, and different workflows that one may call at
 * any depth. Source: GitHub's reference of reusable workflows, "Limitations of reusable workflows".
 */
const maxLevels = 10;
const maxCalled = 50;

/** What a job's token may do, and the place that decided it. */
interface Grant {
  permissions: Permissions;
  file: string;
  place: Place | undefined;
  /** The place in words: whose grant it is. */
  by: string;
}

/**
 * Follows a workflow's calls as GitHub does when a run starts: permissions never grow on the way down, the levels and
 * the number of workflows are limited, and nothing calls itself.
 */
export function checkChain(top: Workflow, library: Library): Problem[] {
  const problems: Problem[] = [];
  /** Where the top's own job stands that leads to each. */
  const called = new Map<string, Place>();
  // Without another trigger there is a caller above, whose grant is not known here.
  const onlyCalled = top.triggers.size === 1 && top.call !== undefined;
  visit(top, undefined, [top.file], undefined);
  if (called.size > maxCalled) {
    problems.push(
      problem(
        'limits',
        top.file,
        [...called.values()][maxCalled],
        `this workflow calls ${called.size} different workflows, directly or through others; GitHub allows ${maxCalled}`,
        'Split it, or join called workflows that always run together.',
      ),
    );
  }
  return problems;

  function visit(
    workflow: Workflow,
    inherited: Grant | undefined,
    chain: string[],
    through: Place | undefined,
  ): void {
    for (const job of workflow.jobs.values()) {
      if (!job.uses) continue;
      const uses = job.uses.value;
      const place = through ?? job.uses;
      const target = library.calledWorkflow(uses, workflow.file);
      const id = target && 'file' in target ? target.file : uses;
      if (!called.has(id)) called.set(id, place);
      if (!target || 'broken' in target) continue;
      const limit = (message: string, advice: string) =>
        problems.push(problem('limits', workflow.file, job.uses, message, advice));
      const longer = [...chain, target.file];
      const levels = longer.length + (onlyCalled ? 1 : 0);
      if (chain.includes(target.file)) {
        const circle = longer.slice(chain.indexOf(target.file)).join(' → ');
        limit(
          `the workflows call each other in a circle: ${circle}`,
          'Remove one of the calls; GitHub refuses a loop.',
        );
      } else if (levels > maxLevels) {
        limit(
          `calling '${uses}' makes ${levels} levels of workflows; GitHub allows ${maxLevels}`,
          'Call it from a workflow further up.',
        );
      } else {
        const grant =
          ownGrant(workflow, job) ?? inherited ?? (onlyCalled ? undefined : defaultGrant(workflow, job));
        if (grant) problems.push(...checkPermissions(target, grant));
        visit(target, grant, longer, place);
      }
    }
  }
}

/** What a job or else its workflow sets; where neither does, the caller's grant holds, and at the top the default. */
function ownGrant({ file, root }: Workflow, { id, body, uses }: Job): Grant | undefined {
  const own = body.find('permissions');
  if (own) return { permissions: permissionsOf(own), file, place: keyOf(body, own), by: `job '${id}'` };
  const shared = get(root, 'permissions');
  if (!shared) return undefined;
  return { permissions: permissionsOf(shared), file, place: uses, by: `the workflow of job '${id}'` };
}

function defaultGrant({ file }: Workflow, { id, uses }: Job): Grant {
  const by = `the default of a repository, which holds for job '${id}' because nothing above it sets permissions,`;
  return { permissions: restrictedDefault, file, place: uses, by };
}

/** The line of `permissions:` itself rather than of its first scope. */
function keyOf(body: Job['body'], value: TemplateToken): Place | undefined {
  return [...(body as Iterable<{ key: TemplateToken; value: TemplateToken }>)].find(
    (entry) => entry.value === value,
  )?.key;
}

function checkPermissions(target: Workflow, grant: Grant): Problem[] {
  const requests = [
    { token: get(target.root, 'permissions'), who: target.file },
    ...[...target.jobs.values()].map((job) => ({
      token: job.body.find('permissions'),
      who: `job '${job.id}' of ${target.file}`,
    })),
  ];
  return requests.flatMap(({ token, who }) => {
    const beyond = token ? excess(permissionsOf(token), grant.permissions) : [];
    if (beyond.length === 0) return [];
    const wants = scopes(beyond.map(({ scope, wants }) => `${scope}: ${wants}`));
    const has = scopes(beyond.map(({ scope, has }) => `${scope}: ${has}`));
    return [
      problem(
        'permissions',
        grant.file,
        grant.place,
        `${who} requests '${wants}', but ${grant.by} grants '${has}'`,
        `GitHub refuses to start the run: grant '${wants}' here, or request less there.`,
      ),
    ];
  });
}

/** `read-all` and `write-all` may be beyond a grant in every scope there is. */
function scopes(levels: string[]): string {
  const shown = 4;
  const more = levels.length - shown;
  return levels.slice(0, shown).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
