export { type BuildKit, type BuildKitOptions, startBuildKit } from './buildkit.ts';
export { type PublishedImage, publishImages } from './publish.ts';
export { whyNoContainers } from './requirements.ts';
