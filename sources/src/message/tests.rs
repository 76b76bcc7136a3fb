//! Samples through the door: own fixtures, published crashers, and the third-party corpus where it is present.
