import type { Resolution } from './resolution.ts';

/** Which of a project's optional dependencies are installed. */
export interface Selection {
  extras: readonly string[];
  /** Beside those that the manager installs by default. */
  groups: readonly string[];
  excludeGroups: readonly string[];
  /** What is chosen for the machine beside: a torch backend, the packages of its build, components of the toolkit. */
  cuda?: readonly string[];
  /** How versions are chosen where no lock fixes them. */
  resolution?: Resolution;
  /** Version of pip to have in the environment, or `latest`. */
  pip?: string;
}
