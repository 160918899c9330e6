/** The version of gibbon: that of its package. */
export const GIBBON_VERSION = "0.1.0";
