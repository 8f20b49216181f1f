import { suggest } from '@mlops/core';
import { normalize, overlap, relation } from './paths.ts';
import type { Stage } from './stages.ts';

export interface Problem {
  path: (string | number)[];
  message: string;
}

/** Where an input comes from: an output of another stage, or the checked-out files. */
export interface Source {
  input: string;
  /** The stage and the output of it that the input is, or is a part of. */
  producer: { stage: Stage; output: string } | undefined;
}

/** Everything wrong in how the stages go together; empty when `inOrder` can order them. */
export function graphProblems(stages: readonly Stage[]): Problem[] {
  const problems = [...duplicateNames(stages), ...sharedOutputs(stages), ...ambiguousInputs(stages)];
  if (problems.length) return problems;
  const cycle = findCycle(stages);
  return cycle ? [cycle] : [];
}

export function sourcesOf(stage: Stage, stages: readonly Stage[]): Source[] {
  return stage.inputs.map((input) => {
    for (const other of stages) {
      const output = other.outputs.find((output) => relation(input, output) === 'within');
      if (output !== undefined && other !== stage)
        return { input: normalize(input), producer: { stage: other, output: normalize(output) } };
    }
    return { input: normalize(input), producer: undefined };
  });
}

/** The stages in the order they run: after whatever they depend on, otherwise as they are written. */
export function inOrder(stages: readonly Stage[]): Stage[] {
  const waiting = new Map(stages.map((stage) => [stage, producersOf(stage, stages)]));
  const ordered: Stage[] = [];
  while (waiting.size) {
    const next = [...waiting].find(([, producers]) => producers.every((stage) => !waiting.has(stage)));
    if (!next) throw new Error('the stages have a cycle, which their schema should have refused');
    waiting.delete(next[0]);
    ordered.push(next[0]);
  }
  return ordered;
}

function producersOf(stage: Stage, stages: readonly Stage[]): Stage[] {
  return [...new Set(sourcesOf(stage, stages).flatMap(({ producer }) => producer?.stage ?? []))];
}

function duplicateNames(stages: readonly Stage[]): Problem[] {
  return stages.flatMap(({ name }, i) => {
    const first = stages.findIndex((other) => other.name.toLowerCase() === name.toLowerCase());
    return first < i
      ? [
          {
            path: [i, 'name'],
            message: `stage ${first + 1} has the same name; names must differ by more than case`,
          },
        ]
      : [];
  });
}

function sharedOutputs(stages: readonly Stage[]): Problem[] {
  const all = stages.flatMap((stage, i) => stage.outputs.map((output, j) => ({ stage, i, j, output })));
  return all.flatMap(({ i, j, output, stage }, index) => {
    const clash = all.slice(0, index).find((other) => overlap(other.output, output));
    if (!clash) return [];
    const who = clash.stage === stage ? 'the same stage' : `stage '${clash.stage.name}'`;
    const what =
      normalize(clash.output) === normalize(output)
        ? `${who} writes it too`
        : `it overlaps with '${clash.output}', an output of ${who}`;
    return [{ path: [i, 'outputs', j], message: `${what}; every output has one stage that writes it` }];
  });
}

function ambiguousInputs(stages: readonly Stage[]): Problem[] {
  return stages.flatMap((stage, i) =>
    stage.inputs.flatMap((input, j) => {
      const problem = (message: string) => [{ path: [i, 'inputs', j], message }];
      for (const other of stages)
        for (const output of other.outputs) {
          const how = relation(input, output);
          if (how && other === stage)
            return problem(
              how === 'within'
                ? `it is, or lies inside, '${output}', an output of the same stage`
                : `it covers '${output}', an output of the same stage; name only what the stage reads`,
            );
          if (how === 'around')
            return problem(
              `it covers '${output}', an output of stage '${other.name}'; list that output by itself, and beside it only what is not an output`,
            );
        }
      return [];
    }),
  );
}

/** The first cycle along the dependencies, told as the path that leads back to where it starts. */
function findCycle(stages: readonly Stage[]): Problem | undefined {
  const done = new Set<Stage>();
  const visit = (stage: Stage, trail: readonly Stage[]): Problem | undefined => {
    if (done.has(stage)) return undefined;
    const path = [...trail, stage];
    for (const [j, { producer }] of sourcesOf(stage, stages).entries()) {
      if (!producer) continue;
      const start = path.indexOf(producer.stage);
      if (start >= 0) {
        const names = [...path.slice(start), producer.stage].map(({ name }) => name).reverse();
        return {
          path: [stages.indexOf(stage), 'inputs', j],
          message: `the stages go round in a circle: ${names.join(' → ')}`,
        };
      }
      const problem = visit(producer.stage, path);
      if (problem) return problem;
    }
    done.add(stage);
    return undefined;
  };
  for (const stage of stages) {
    const problem = visit(stage, []);
    if (problem) return problem;
  }
  return undefined;
}

/** The stage whose outputs hold `path`. */
export function producerOf(
  path: string,
  stages: readonly Stage[],
): { stage: Stage; output: string } | undefined {
  for (const stage of stages) {
    const output = stage.outputs.find((output) => relation(path, output) === 'within');
    if (output !== undefined) return { stage, output: normalize(output) };
  }
  return undefined;
}

/** Advice for a path that should be an output of some stage. */
export function suggestOutput(path: string, stages: readonly Stage[]): string {
  const outputs = stages.flatMap((stage) => stage.outputs);
  return outputs.length
    ? suggest(path, outputs).replace('Allowed:', 'Declared outputs:')
    : 'No stage declares any output.';
}
