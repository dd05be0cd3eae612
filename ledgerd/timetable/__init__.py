"""Times of rails at the edge: the only place that knows zones, dates and holidays."""
