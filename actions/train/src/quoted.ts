/** An argument as the shell of `run:` steps takes it for itself, whatever is in it: bash, PowerShell on Windows. */
export function quoted(argument: string, platform: NodeJS.Platform = process.platform): string {
  if (/^[\w@%+=:,./-]+$/.test(argument) && !(platform === 'win32' && /[@%,]/.test(argument))) return argument;
  return platform === 'win32'
    ? `'${argument.replaceAll("'", "''")}'`
    : `'${argument.replaceAll("'", `'"'"'`)}'`;
}
