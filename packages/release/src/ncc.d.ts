declare module '@vercel/ncc' {
  interface Options {
    cache: false | string;
    license: string;
    quiet: boolean;
    target: string;
    transpileOnly: boolean;
  }
  interface Result {
    code: string;
    /** Further files of the bundle by name. */
    assets: Record<string, { source: string | Uint8Array }>;
  }
  export default function ncc(entry: string, options: Options): Promise<Result>;
}
