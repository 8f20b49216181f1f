export { type BuildKit, type BuildKitOptions, startBuildKit } from './buildkit.ts';
export { type Docker, startDocker } from './docker.ts';
export { type PublishedImage, publishImages } from './publish.ts';
export { whyNoContainers } from './requirements.ts';
