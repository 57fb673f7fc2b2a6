/** A default that the schema cannot fill in, since it holds only for services that the configuration does not name there. */

/** Ready timeout (s) of a service that `loader.timeouts` does not name. */
export const otherReadySec = 60;
