// filled by its first change
