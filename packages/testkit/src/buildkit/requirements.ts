/**
 * Why this machine cannot build and run containers with what the tools bring, as a sentence without a full stop;
 * undefined where it can.
 */
export async function whyNoContainers(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `containers run on Linux, not on ${process.platform}`;
  if (process.arch !== 'x64') return `the images of the tests are for x64, not ${process.arch}`;
  if (process.getuid?.() !== 0) return 'building and running containers takes root';
  const { isDebian } = await import('@mlops/tools');
  if (!(await isDebian('12', process.env)))
    return 'the base image is made of Debian 12, which this machine is not';
  return undefined;
}
