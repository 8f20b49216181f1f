export type { ModelConfig, ModelFacts } from './config.ts';
export { factsSchema, modelConfigSchema } from './config.ts';
export { artifactType, configType, type Kind } from './kinds.ts';
export { type ModelFile, type ModelPack, type PackOptions, packModel } from './pack.ts';
export { type PulledModel, type PullModelOptions, pullModel } from './pull.ts';
export { type PushedModel, type PushModelOptions, packAndPushModel, pushModel } from './push.ts';
export { readModel, type StoredFile, type StoredModel } from './read.ts';
export { type VerifiedModel, verifyModel } from './verify.ts';
