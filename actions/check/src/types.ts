import { UserError } from '@mlops/core';
import type { Tool } from './configuration.ts';
import { notInstalled } from './declared.ts';
import type { Result } from './finding.ts';
import { mypy } from './mypy.ts';
import type { Project } from './project.ts';
import { pyright } from './pyright.ts';

export type TypeChecker = Extract<Tool, 'mypy' | 'pyright' | 'basedpyright'>;

/** The type checkers that a project configures; where there is none and types are asked for, the one it has installed. */
export function typeCheckers(project: Project, asked: 'auto' | 'on'): TypeChecker[] {
  const all = ['mypy', 'pyright', 'basedpyright'] as const;
  const { tools } = project.environment;
  const configured = all
    .filter((tool) => project.configuration.has(tool))
    // basedpyright reads pyright's settings, and is what some projects run on them.
    .map((tool) => (tool === 'pyright' && !tools.pyright && tools.basedpyright ? 'basedpyright' : tool));
  if (configured.length || asked === 'auto') return [...new Set(configured)];
  const installed = all.find((tool) => tools[tool]);
  if (installed) return [installed];
  throw new UserError('no type checker is configured, and none is installed in the environment', {
    advice: "Add mypy or pyright to the project's requirements, or leave 'types' at 'auto'.",
  });
}

export async function checkTypes(project: Project, checker: TypeChecker): Promise<Result> {
  const installed = project.environment.tools[checker];
  if (!installed) {
    const file = project.configuration.get(checker);
    throw await notInstalled(checker, `${file} configures ${checker}`, project);
  }
  return checker === 'mypy' ? mypy(project, installed) : pyright(project, checker, installed);
}
