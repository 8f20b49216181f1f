import { overlap } from '../paths.ts';
import type { DvcStage, Output } from './pipeline-file.ts';
import { Unsure } from './unsure.ts';

/** The stages in the order they run: after whatever they depend on, otherwise as written. */
export function inOrder(stages: readonly DvcStage[]): DvcStage[] {
  const waiting = new Set(stages);
  const ordered: DvcStage[] = [];
  while (waiting.size) {
    const next = [...waiting].find((stage) =>
      [...waiting].every((other) => other === stage || !dependsOn(stage, other.outs)),
    );
    if (!next) throw new Unsure('the stages go round in a circle');
    waiting.delete(next);
    ordered.push(next);
  }
  return ordered;
}

function dependsOn({ deps }: DvcStage, outs: readonly Output[]): boolean {
  return deps.some((dep) => outs.some(({ path }) => overlap(dep, path)));
}

/** The stages that targets name, with all they depend on. Throws Unsure for a target that is neither stage nor output. */
export function selected(stages: readonly DvcStage[], targets: readonly string[]): DvcStage[] {
  if (!targets.length) return [...stages];
  const chosen = new Set<DvcStage>();
  const choose = (stage: DvcStage) => {
    if (chosen.has(stage)) return;
    chosen.add(stage);
    for (const other of stages) if (other !== stage && dependsOn(stage, other.outs)) choose(other);
  };
  for (const target of targets) {
    const named = stages.filter(({ name }) => name === target || name.replace(/@[^@]*$/, '') === target);
    if (!named.length) throw new Unsure(`'${target}' is not a stage of this dvc.yaml`);
    named.forEach(choose);
  }
  return stages.filter((stage) => chosen.has(stage));
}
