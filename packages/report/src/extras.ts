/** What users add to the report by files of their own. */
export interface Extras {
  userReport?: UserReport;
  /** Markdown, with or without front matter. */
  modelCard?: string;
}

/** Markdown, and the pictures in it by the paths it names them by. */
export interface UserReport {
  markdown: string;
  images: ReadonlyMap<string, Image>;
}

export interface Image {
  /** Media type, such as `image/png`. */
  type: string;
  bytes: Uint8Array;
}
