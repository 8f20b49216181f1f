export { checkRelease } from './check.ts';
export { type Publication, type PublishOptions, publish } from './publish.ts';
export { type Refs, renderWorkflow } from './render.ts';
export { planTags, type TagPlan, type TagRequest } from './tags.ts';
export { buildReleaseTree, type ReleaseTree, type ReleaseTreeOptions } from './tree.ts';
export { renderWorkflows } from './workflows.ts';
