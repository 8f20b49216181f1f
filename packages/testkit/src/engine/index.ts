export { artifactFiles } from './artifact-files.ts';
export { type Artifact, type ArtifactServer, startArtifactServer } from './artifact-server.ts';
export { type Engine, type EngineOptions, type RunOptions, startEngine } from './engine.ts';
export { type EventOptions, eventPayload } from './event.ts';
export type { Annotation, JobResult, Matrix, Outcome, RunResult, StepResult } from './result.ts';
export {
  type Files,
  type TemporaryRepository,
  type TemporaryRepositoryOptions,
  temporaryRepository,
} from './temporary-repository.ts';
