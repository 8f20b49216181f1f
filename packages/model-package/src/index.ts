export { openPackage, type Package, unpack } from './archive.ts';
export { withPackage } from './find.ts';
